use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use diesel_async::{AsyncConnection as _, SimpleAsyncConnection as _};
use tokio::sync::Barrier;
use zoetrope_postgres::DatabaseError;

use crate::support::{Schema, increment, query, value_of};

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("refused")]
    Rule,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

#[tokio::test]
async fn ok_commits_and_an_error_rolls_back() {
    let (_schema, database) = Schema::with_numbers().await;
    let value = database.transaction("test", async |connection| increment(connection, 1).await).await.unwrap();
    assert_eq!((value, value_of(&database, 1).await), (1, 1));

    let refused = database
        .transaction("test", async |connection| {
            increment(connection, 1).await?;
            Err::<(), _>(Refusal::Rule)
        })
        .await;
    assert!(matches!(refused, Err(Refusal::Rule)));
    assert_eq!(value_of(&database, 1).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serialization_failures_are_tried_again() {
    let (_schema, database) = Schema::with_numbers().await;
    let attempts = AtomicU32::new(0);
    let meeting = Barrier::new(2);
    let transfer = async || {
        database
            .transaction("test", async |connection| {
                let attempt = attempts.fetch_add(1, Ordering::Relaxed);
                connection.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").await.map_err(DatabaseError::from)?;
                query(connection, "SELECT value FROM numbers WHERE id = 1").await.map_err(DatabaseError::from)?;
                if attempt < 2 {
                    meeting.wait().await;
                }
                increment(connection, 1).await
            })
            .await
    };
    let (one, other) = tokio::join!(transfer(), transfer());
    assert_eq!(one.unwrap() + other.unwrap(), 3, "one after the other: 1 and 2");
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn deadlocks_are_tried_again() {
    let (_schema, database) = Schema::with_numbers().await;
    let attempts = AtomicU32::new(0);
    let meeting = Barrier::new(2);
    let lock_both = async |first: i64, second: i64| {
        database
            .transaction("test", async |connection| {
                let attempt = attempts.fetch_add(1, Ordering::Relaxed);
                increment(connection, first).await?;
                if attempt < 2 {
                    meeting.wait().await;
                }
                increment(connection, second).await?;
                Ok::<_, Refusal>(())
            })
            .await
    };
    let (one, other) = tokio::join!(lock_both(1, 2), lock_both(2, 1));
    one.unwrap();
    other.unwrap();
    assert_eq!((value_of(&database, 1).await, value_of(&database, 2).await), (2, 2));
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_conflict_that_does_not_end_is_returned() {
    let (_schema, database) = Schema::with_numbers().await;
    let attempts = AtomicU32::new(0);
    let result = database
        .transaction("test", async |connection| {
            attempts.fetch_add(1, Ordering::Relaxed);
            let raise = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$";
            Ok::<_, DatabaseError>(connection.batch_execute(raise).await?)
        })
        .await;
    assert!(!result.unwrap_err().is_unavailable());
    assert_eq!(attempts.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn a_savepoint_survives_a_failed_statement() {
    let (_schema, database) = Schema::with_numbers().await;
    database
        .transaction("test", async |connection| {
            let taken = connection
                .transaction(async |connection| connection.batch_execute("INSERT INTO numbers VALUES (1, 9)").await)
                .await;
            assert!(taken.is_err());
            increment(connection, 1).await
        })
        .await
        .unwrap();
    assert_eq!(value_of(&database, 1).await, 1);
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_and_its_connection_not_used_again() {
    let (_schema, database) = Schema::with_numbers().await;
    for _ in 0..10 {
        let dropped = database.transaction("test", async |connection| {
            increment(connection, 1).await?;
            std::future::pending::<()>().await;
            Ok::<_, DatabaseError>(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(50), dropped).await.is_err());
    }
    assert_eq!(value_of(&database, 1).await, 0);
}

#[tokio::test]
async fn the_future_can_be_sent_with_all_that_closures_hold() {
    let (_schema, database) = Schema::with_numbers().await;
    let names = vec!["one".to_owned(), "two".to_owned()];
    let task = zoetrope_service::spawn("test", async move {
        let borrowed = &names;
        let moved = names.clone();
        let by_reference = database.transaction("test", async |connection| {
            let mut count = 0;
            for name in borrowed {
                count += query(connection, &format!("SELECT length('{name}')::bigint AS value")).await?;
            }
            Ok::<_, DatabaseError>(count)
        });
        let count = by_reference.await?;
        database
            .transaction("test", async move |connection| {
                let joined = moved.join(", ");
                drop(moved);
                Ok::<_, DatabaseError>(count + query(connection, &format!("SELECT length('{joined}')::bigint AS value")).await?)
            })
            .await
    });
    assert_eq!(task.await.unwrap().unwrap(), 6 + 8);
}
