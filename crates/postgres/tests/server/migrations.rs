use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use zoetrope_postgres::migrate;

use crate::support::{Schema, query};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("tests/migrations");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_run_once_even_when_started_twice_at_a_time() {
    let schema = Schema::create().await;
    let start = || {
        let settings = schema.settings();
        zoetrope_service::spawn("migrate", async move { migrate(&settings, MIGRATIONS).await })
    };
    let (one, other) = tokio::join!(start(), start());
    let mut applied = [one.unwrap().unwrap(), other.unwrap().unwrap()];
    applied.sort();
    assert_eq!(applied, [vec![], vec!["20260101000000".to_owned(), "20260102000000".to_owned()]]);

    assert!(migrate(&schema.settings(), MIGRATIONS).await.unwrap().is_empty());
    let mut connection = schema.database(&schema.settings()).connection().await.unwrap();
    assert_eq!(query(&mut connection, "SELECT count(*) AS value FROM second").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_an_error() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = crate::support::settings(&format!("postgres://someone@{free}/nowhere"));
    assert!(migrate(&settings, MIGRATIONS).await.is_err());
}
