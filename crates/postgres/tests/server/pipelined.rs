use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use diesel::sql_types::BigInt;
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use zoetrope_postgres::{Connection, DatabaseError, Statement};

use crate::support::{Schema, increment, value_of};

/// Prepared anew on each connection, which takes two round trips: even then nothing of the body may be sent before the beginning.
async fn add_one(connection: &Connection) -> Result<(), DatabaseError> {
    let statement = Statement::new("UPDATE numbers SET value = value + ").bind::<BigInt, _>(1).sql(" WHERE id = 1");
    statement.execute(&mut &*connection).await?;
    Ok(())
}

#[tokio::test]
async fn ok_commits_and_an_error_rolls_back_even_the_first_statement_of_a_connection() {
    for round in 0..5 {
        let (_schema, database) = Schema::with_numbers().await;
        let refused = database
            .pipelined("test", async |connection| {
                add_one(connection).await?;
                Ok::<_, DatabaseError>((&mut &*connection).batch_execute("SELECT 1 / 0").await?)
            })
            .await;
        assert!(refused.is_err() && value_of(&database, 1).await == 0, "round {round}");

        database.pipelined("test", async |connection| add_one(connection).await).await.unwrap();
        assert_eq!(value_of(&database, 1).await, 1);
        // The connection goes on as any other.
        database.transaction("test", async |connection| increment(connection, 1).await).await.unwrap();
        assert_eq!(value_of(&database, 1).await, 2);
    }
}

#[tokio::test]
async fn a_conflict_is_tried_again() {
    let (_schema, database) = Schema::with_numbers().await;
    let attempts = AtomicU32::new(0);
    let attempts = &attempts;
    let result = database
        .pipelined("test", async move |connection| {
            add_one(connection).await?;
            if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                let raise = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$";
                (&mut &*connection).batch_execute(raise).await?;
            }
            Ok::<_, DatabaseError>(())
        })
        .await;
    result.unwrap();
    assert_eq!((attempts.load(Ordering::Relaxed), value_of(&database, 1).await), (2, 1));
}

#[tokio::test]
async fn a_dropped_transaction_is_rolled_back_and_its_connection_not_used_again() {
    let (_schema, database) = Schema::with_numbers().await;
    for _ in 0..10 {
        let dropped = database.pipelined("test", async |connection| {
            add_one(connection).await?;
            std::future::pending::<()>().await;
            Ok::<_, DatabaseError>(())
        });
        assert!(tokio::time::timeout(Duration::from_millis(50), dropped).await.is_err());
    }
    assert_eq!(value_of(&database, 1).await, 0);
}

#[tokio::test]
async fn stale_connections_are_replaced_and_the_body_begins_again() {
    let (schema, database) = Schema::with_numbers().await;
    for round in 1..=10 {
        drop(tokio::join!(database.connection(), database.connection(), database.connection()));
        schema.close_all_connections().await;
        database.pipelined("test", async |connection| add_one(connection).await).await.unwrap();
        assert_eq!(value_of(&database, 1).await, round);
    }
}
