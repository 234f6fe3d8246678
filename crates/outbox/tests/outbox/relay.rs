use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use zoetrope_outbox::enqueue;
use zoetrope_postgres::DatabaseError;

use crate::{
    broker::Broker,
    database::TestDatabase,
    listener::Listener,
    replica::{Replica, user},
};

async fn until_empty(database: &TestDatabase) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while database.count("outbox").await? > 0 {
        if Instant::now() > deadline {
            bail!("{} messages stay in the outbox", database.count("outbox").await?);
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn clear_away<const N: usize>(
    replicas: [Replica; N],
    listener: Listener,
    database: TestDatabase,
    broker: Broker,
) -> Result<()> {
    for replica in replicas {
        replica.stop().await?;
    }
    listener.stop().await;
    database.remove().await?;
    broker.remove().await
}

fn row(id: Uuid, routing_key: &str, lease: &str) -> String {
    format!(
        "INSERT INTO outbox (id, exchange, routing_key, message_type, mandatory, payload, traceparent, lease_token, lease_expires_at)
         VALUES ('{id}', 'zoetrope.events', '{routing_key}', 'test', true, '\\x00', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', {lease});"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_published_if_and_only_if_its_transaction_commits() -> Result<()> {
    let (broker, database) = (Broker::new().await?, TestDatabase::new().await?);
    let replica = Replica::start(&database, &broker.settings()?)?;
    let mut listener = Listener::start(&broker.settings()?);

    let undone = replica
        .database
        .transaction("undone", async |connection| {
            enqueue(connection, &user()).await?;
            Err::<(), _>(DatabaseError::from(diesel::result::Error::RollbackTransaction))
        })
        .await;
    assert!(undone.is_err());
    replica.relay.wake();
    let id = replica.register().await?;

    let heard = listener.next().await?;
    assert_eq!(heard.message_id, Some(id));
    assert_eq!(heard.message_type, "zoetrope.users.v1.UserRegistered");
    assert!(listener.is_silent().await);
    until_empty(&database).await?;

    clear_away([replica], listener, database, broker).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_publish_each_message_once() -> Result<()> {
    let (broker, database) = (Broker::new().await?, TestDatabase::new().await?);
    let replicas = [Replica::start(&database, &broker.settings()?)?, Replica::start(&database, &broker.settings()?)?];
    let mut listener = Listener::start(&broker.settings()?);

    let mut ids = Vec::new();
    for n in 0..1_000 {
        ids.push(replicas[n % 2].register().await?);
        // The other one has reason to look, too.
        replicas[(n + 1) % 2].relay.wake();
    }
    let counts = listener.all(&ids).await?;
    assert!(counts.values().all(|count| *count == 1));
    assert!(listener.is_silent().await);
    until_empty(&database).await?;

    clear_away(replicas, listener, database, broker).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_broker_comes_and_goes() -> Result<()> {
    let (broker, database) = (Broker::new().await?, TestDatabase::new().await?);
    let (proxy, settings) = broker.behind_proxy().await?;
    let replicas = [Replica::start(&database, &settings)?, Replica::start(&database, &settings)?];
    let mut listener = Listener::start(&broker.settings()?);

    let mut ids = Vec::new();
    for n in 0..600 {
        ids.push(replicas[n % 2].register().await?);
        match n % 150 {
            30 => proxy.cut(),
            60 => proxy.close(),
            120 => proxy.open(),
            _ => {}
        }
        sleep(Duration::from_millis(5)).await;
    }
    listener.all(&ids).await?;
    until_empty(&database).await?;

    clear_away(replicas, listener, database, broker).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_survives_the_database_and_goes_on() -> Result<()> {
    let (broker, database) = (Broker::new().await?, TestDatabase::new().await?);
    let replica = Replica::start(&database, &broker.settings()?)?;
    let mut listener = Listener::start(&broker.settings()?);
    let before = replica.register().await?;
    assert_eq!(listener.next().await?.message_id, Some(before));

    database.close().await?;
    assert!(replica.register().await.is_err());
    sleep(Duration::from_secs(2)).await;
    database.open_again().await?;
    let after = replica.register().await?;
    listener.all(&[after]).await?;
    until_empty(&database).await?;

    clear_away([replica], listener, database, broker).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_replica_had_claimed_is_published_when_its_lease_is_over() -> Result<()> {
    let (broker, database) = (Broker::new().await?, TestDatabase::new().await?);
    let (dead, alive) = (Uuid::now_v7(), Uuid::now_v7());
    database.run(&row(dead, "user.registered", "gen_random_uuid(), now() + interval '4 s'")).await?;
    database.run(&row(alive, "user.registered", "gen_random_uuid(), now() + interval '1 h'")).await?;
    let replica = Replica::start(&database, &broker.settings()?)?;
    let mut listener = Listener::start(&broker.settings()?);

    let heard = listener.next().await?;
    assert_eq!(heard.message_id, Some(dead));
    assert_eq!(heard.traceparent.as_deref(), Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert!(listener.is_silent().await);
    assert_eq!(database.count("outbox").await?, 1);

    clear_away([replica], listener, database, broker).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_nobody_takes_stays_and_holds_up_nobody() -> Result<()> {
    let (broker, database) = (Broker::new().await?, TestDatabase::new().await?);
    let stuck: String = (0..300).map(|_| row(Uuid::now_v7(), "nobody.cares", "NULL, NULL")).collect();
    database.run(&stuck).await?;
    let replica = Replica::start(&database, &broker.settings()?)?;
    let mut listener = Listener::start(&broker.settings()?);

    let id = replica.register().await?;
    assert_eq!(listener.next().await?.message_id, Some(id));
    replica.stop().await?;
    assert_eq!(database.count("outbox").await?, 300);

    listener.stop().await;
    database.remove().await?;
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_relay_publishes_what_is_left() -> Result<()> {
    let (broker, database) = (Broker::new().await?, TestDatabase::new().await?);
    let replica = Replica::start(&database, &broker.settings()?)?;
    let mut listener = Listener::start(&broker.settings()?);
    let first = replica.register().await?;
    assert_eq!(listener.next().await?.message_id, Some(first));

    let rows: String = (0..2_000).map(|_| row(Uuid::now_v7(), "user.registered", "NULL, NULL")).collect();
    database.run(&rows).await?;
    replica.relay.wake();
    replica.stop().await?;
    assert_eq!(database.count("outbox").await?, 0);

    listener.stop().await;
    database.remove().await?;
    broker.remove().await
}
