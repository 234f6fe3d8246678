use std::time::{Duration, Instant};

use anyhow::Result;
use zoetrope_bus::{BusSettings, OutgoingMessage, PublishError, Publisher};
use zoetrope_service::Process;

use crate::{
    message,
    station::{QUEUE, Station},
    stop,
};

fn unroutable(mandatory: bool) -> OutgoingMessage {
    OutgoingMessage { routing_key: "nobody.cares".to_owned(), mandatory, ..message() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_no_queue_takes_is_an_error_only_if_it_is_mandatory() -> Result<()> {
    let station = Station::new().await?;

    assert_eq!(station.publisher.publish(&unroutable(true)).await, Err(PublishError::Unroutable));
    assert_eq!(station.publisher.publish(&unroutable(false)).await, Ok(()));
    assert_eq!(station.publisher.publish(&message()).await, Ok(()));

    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_batch_each_message_gets_its_own_result() -> Result<()> {
    let station = Station::new().await?;

    // The broker confirms what nobody takes before what a queue has to write, so confirms come out of order.
    let messages: Vec<_> = (0..1_000)
        .map(|n| match n % 7 {
            2 => unroutable(true),
            4 => OutgoingMessage { exchange: "elsewhere".to_owned(), ..message() },
            5 => OutgoingMessage { routing_key: "k".repeat(300), ..message() },
            _ => message(),
        })
        .collect();
    let results = station.publisher.publish_all(&messages).await;
    assert_eq!(results.len(), messages.len());
    for (n, result) in results.into_iter().enumerate() {
        match n % 7 {
            2 | 4 => assert_eq!(result, Err(PublishError::Unroutable), "{n}"),
            5 => assert!(matches!(result, Err(PublishError::Invalid(_))), "{n}"),
            _ => assert_eq!(result, Ok(()), "{n}"),
        }
    }

    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_travel_with_the_message() -> Result<()> {
    let station = Station::new().await?;
    let sent = station.send().await?;

    let received = station.broker.take(QUEUE).await?;
    let properties = &received.properties;
    assert_eq!(properties.message_id().as_ref().map(|id| id.as_str()), Some(sent.message_id.to_string().as_str()));
    assert_eq!(properties.kind().as_ref().map(|kind| kind.as_str()), Some(sent.message_type.as_str()));
    assert_eq!(*properties.timestamp(), sent.message_id.get_timestamp().map(|made| made.to_unix().0));
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert_eq!(received.data, sent.payload);

    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_publishing_fails_at_once_and_the_process_can_stop() -> Result<()> {
    let process = Process::detached("test");
    // Nothing listens there: the port is reserved.
    let publisher = Publisher::start(&process, &BusSettings::new("amqp://127.0.0.1:1".parse()?));

    let started = Instant::now();
    assert_eq!(publisher.publish_all(&[message(), message()]).await, [Err(PublishError::Disconnected); 2]);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(!publisher.is_connected());

    stop(process).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_that_is_given_up_does_not_spoil_the_next() -> Result<()> {
    let station = Station::new().await?;

    for _ in 0..5 {
        station.publisher.connected().await;
        let messages: Vec<_> = (0..200).map(|_| unroutable(true)).collect();
        // Dropped with its confirms and returned messages under way.
        let _ = tokio::time::timeout(Duration::from_micros(500), station.publisher.publish_all(&messages)).await;
        let patience = Instant::now() + Duration::from_secs(10);
        while station.publisher.publish(&message()).await != Ok(()) {
            assert!(Instant::now() < patience, "the publisher did not recover");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    station.end().await
}
