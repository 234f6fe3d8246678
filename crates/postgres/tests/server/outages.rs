use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use diesel_async::SimpleAsyncConnection as _;
use zoetrope_postgres::{Database, DatabaseError};

use crate::support::{Schema, increment, query, settings, value_of};

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn stale_connections_are_replaced_before_anything_runs() {
    let (schema, database) = Schema::with_numbers().await;
    for round in 1..=10 {
        let all = [database.connection(), database.connection(), database.connection()];
        let [first, second, third] = all;
        drop(tokio::join!(first, second, third));
        schema.close_all_connections().await;
        let value = database.transaction("test", async |connection| increment(connection, 1).await).await.unwrap();
        assert_eq!(value, round);
    }
}

#[tokio::test]
async fn a_connection_lost_within_a_transaction_is_unavailability() {
    let (schema, database) = Schema::with_numbers().await;
    let result = database
        .transaction("test", async |connection| {
            increment(connection, 1).await?;
            schema.close_all_connections().await;
            increment(connection, 1).await
        })
        .await;
    let error = result.unwrap_err();
    assert!(error.is_unavailable(), "{}", chain(&error));
    assert_eq!(value_of(&database, 1).await, 0, "nothing was kept, and the pool goes on");
}

#[tokio::test]
async fn a_statement_that_is_interrupted_by_the_server_is_unavailability() {
    let (schema, database) = Schema::with_numbers().await;
    let mut connection = database.connection().await.unwrap();
    let (result, ()) = tokio::join!(connection.batch_execute("SELECT pg_sleep(4)"), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        schema.close_all_connections().await;
    });
    let error = DatabaseError::from(result.unwrap_err());
    assert!(error.is_unavailable(), "{}", chain(&error));
    drop(connection);
    database.ping().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_away_is_told_at_once_and_with_the_cause() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let database = Database::new(&settings(&format!("postgres://someone:hidden@{free}/nowhere")), "test").unwrap();
    let started = Instant::now();
    let error = database.ping().await.unwrap_err();
    assert!(error.is_unavailable() && started.elapsed() < Duration::from_secs(2));
    let text = chain(&error);
    assert!(text.contains("refused") && !text.contains("hidden"), "{text}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://someone@{}/nowhere", silent.local_addr().unwrap());
    let mut settings = settings(&url);
    settings.connect_timeout_seconds = 1;
    let started = Instant::now();
    let error = Database::new(&settings, "test").unwrap().ping().await.unwrap_err();
    assert!(error.is_unavailable() && started.elapsed() < Duration::from_secs(4), "{}", chain(&error));
}

#[tokio::test]
async fn an_exhausted_pool_is_unavailability() {
    let schema = Schema::create().await;
    let mut settings = schema.settings();
    settings.max_connections = 1;
    let database = schema.database(&settings);
    let held = database.connection().await.unwrap();
    assert!(database.connection().await.is_err_and(|error| error.is_unavailable()));
    drop(held);
    database.ping().await.unwrap();
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_cancelled_and_no_unavailability() {
    let schema = Schema::create().await;
    let mut settings = schema.settings();
    settings.statement_timeout_seconds = 1;
    let mut connection = schema.database(&settings).connection().await.unwrap();
    let error = DatabaseError::from(query(&mut connection, "SELECT count(pg_sleep(3)) AS value").await.unwrap_err());
    assert!(!error.is_unavailable() && chain(&error).contains("statement timeout"), "{}", chain(&error));
}

#[tokio::test]
async fn a_connection_outlives_the_runtime_that_first_used_it() {
    let (_schema, database) = Schema::with_numbers().await;
    drop(database.connection().await.unwrap());
    let elsewhere = database.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Two at a time: one of them is new.
        runtime.block_on(async { drop(tokio::join!(elsewhere.connection(), elsewhere.connection())) });
    });
    tokio::task::spawn_blocking(move || thread.join().unwrap()).await.unwrap();
    let (one, other) = tokio::join!(database.connection(), database.connection());
    for mut connection in [one.unwrap(), other.unwrap()] {
        assert_eq!(query(&mut connection, "SELECT 1::bigint AS value").await.unwrap(), 1);
    }
}

#[tokio::test]
async fn malformed_settings_are_named_without_their_value() {
    let error = Database::new(&settings("postgres://someone:hidden@[::1/nowhere"), "test").unwrap_err().to_string();
    assert!(error.contains("postgres.url") && !error.contains("hidden"), "{error}");

    let mut untrusting = settings("postgres://someone@localhost/nowhere");
    untrusting.ca_certificates = Some("not a certificate".to_owned());
    let error = Database::new(&untrusting, "test").unwrap_err().to_string();
    assert!(error.contains("postgres.ca_certificates"), "{error}");
}
