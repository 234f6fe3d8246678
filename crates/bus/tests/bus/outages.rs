use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::time::sleep;
use zoetrope_bus::{OutgoingMessage, PublishError, Publisher};

use crate::{broker::Broker, message, proxy::Proxy, recorder::Recorder, station::Station};

/// A process that a network leads to the broker.
async fn behind_proxy() -> Result<(Proxy, Station)> {
    let broker = Broker::new().await?;
    let (proxy, settings) = broker.behind_proxy().await?;
    Ok((proxy, Station::through(broker, settings).await))
}

/// Publishes until everything is confirmed, as an outbox does.
async fn publish_whatever_happens(publisher: Publisher, mut messages: Vec<OutgoingMessage>) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(60);
    while !messages.is_empty() {
        ensure!(Instant::now() < patience, "{} messages could not be published", messages.len());
        let batch: Vec<_> = messages.drain(..messages.len().min(20)).collect();
        let results = publisher.publish_all(&batch).await;
        messages.extend(batch.into_iter().zip(results).filter(|(_, result)| result.is_err()).map(|(message, _)| message));
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_connections_break() -> Result<()> {
    let (proxy, station) = behind_proxy().await?;
    let (recorder, record) = Recorder::content();
    let mut record = station.consume((recorder.taking(Duration::from_millis(5)), record));

    let messages: Vec<_> = (0..2_000).map(|_| message()).collect();
    let mut missing: HashSet<_> = messages.iter().map(|message| Some(message.message_id)).collect();
    let publishing = zoetrope_service::spawn("test-publishing", publish_whatever_happens(station.publisher.clone(), messages));
    for _ in 0..3 {
        sleep(Duration::from_millis(300)).await;
        proxy.cut();
        sleep(Duration::from_millis(300)).await;
        proxy.close();
        sleep(Duration::from_millis(300)).await;
        proxy.open();
    }
    publishing.await??;
    while !missing.is_empty() {
        missing.remove(&record.next().await?.message_id);
    }

    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_broker_is_given_up_and_found_again() -> Result<()> {
    let (proxy, station) = behind_proxy().await?;

    proxy.mute();
    let started = Instant::now();
    assert_eq!(station.publisher.publish(&message()).await, Err(PublishError::TimedOut));
    assert!(started.elapsed() < Duration::from_secs(6));
    // From here on it is known.
    assert_eq!(station.publisher.publish(&message()).await, Err(PublishError::Disconnected));

    proxy.open();
    proxy.cut();
    publish_whatever_happens(station.publisher.clone(), vec![message()]).await?;

    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_stops_while_the_broker_is_away() -> Result<()> {
    let (proxy, station) = behind_proxy().await?;
    let (recorder, record) = Recorder::content();
    let mut record = station.consume((recorder.taking(Duration::from_secs(1)), record));
    station.send().await?;
    record.next().await?;

    // With a message in hand that can no longer be acknowledged.
    proxy.close();
    station.end().await
}
