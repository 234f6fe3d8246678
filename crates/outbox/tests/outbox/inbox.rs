use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use zoetrope_outbox::inbox::{first_delivery, keep_pruned};
use zoetrope_postgres::DatabaseError;
use zoetrope_service::Process;

use crate::database::TestDatabase;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_new_once() -> Result<()> {
    let database = TestDatabase::new().await?;
    let pool = database.open()?;
    let id = Uuid::now_v7();
    let deliver = async || {
        pool.transaction("deliver", async |connection| Ok::<_, DatabaseError>(first_delivery(connection, id).await?)).await
    };

    let undone = pool
        .transaction("undone", async |connection| {
            assert!(first_delivery(connection, id).await?);
            Err::<(), _>(DatabaseError::from(diesel::result::Error::RollbackTransaction))
        })
        .await;
    assert!(undone.is_err());
    assert!(deliver().await?);
    assert!(!deliver().await?);

    drop(pool);
    database.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_deliveries_at_the_same_time_one_is_the_first() -> Result<()> {
    let database = TestDatabase::new().await?;
    let pool = database.open()?;
    let id = Uuid::now_v7();
    let deliver = async || {
        pool.transaction("deliver", async |connection| {
            let first = first_delivery(connection, id).await?;
            sleep(Duration::from_millis(100)).await;
            Ok::<_, DatabaseError>(first)
        })
        .await
    };

    let (a, b, c) = tokio::join!(deliver(), deliver(), deliver());
    assert_eq!([a?, b?, c?].into_iter().filter(|first| *first).count(), 1);

    drop(pool);
    database.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn old_ids_are_forgotten() -> Result<()> {
    let database = TestDatabase::new().await?;
    database
        .run(
            "INSERT INTO inbox SELECT gen_random_uuid(), now() - interval '8 days' FROM generate_series(1, 2500);
             INSERT INTO inbox SELECT gen_random_uuid(), now() - interval '6 days' FROM generate_series(1, 10);",
        )
        .await?;
    let process = Process::detached("test");
    keep_pruned(&process, &database.open()?);

    let deadline = Instant::now() + Duration::from_secs(20);
    while database.count("inbox").await? > 10 && Instant::now() < deadline {
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(database.count("inbox").await?, 10);

    assert!(process.stop(Duration::from_secs(5)).await);
    database.remove().await
}
