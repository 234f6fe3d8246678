use std::time::Duration;

use anyhow::Result;
use zoetrope_bus::HandleError;

use crate::{
    broker::Broker,
    recorder::Recorder,
    station::{DEAD, QUEUE, Station},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_handled_message_is_gone() -> Result<()> {
    let station = Station::new().await?;
    let mut record = station.consume(Recorder::content());

    let sent = station.send().await?;
    let received = record.next().await?;
    assert_eq!(received.message_id, Some(sent.message_id));
    assert_eq!(received.message_type, sent.message_type);
    assert_eq!(received.traceparent, sent.traceparent);
    assert_eq!(received.payload, sent.payload);
    assert_eq!(received.delivery_count, 0);

    station.end_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_keeps_failing_becomes_a_dead_letter() -> Result<()> {
    let broker = Broker::new().await?;
    broker.limit_deliveries(3).await?;
    let station = Station::on(broker).await?;
    let mut record = station.consume(Recorder::new(|_, _| Err(HandleError::failed("a bug"))));

    let sent = station.send().await?;
    for expected in 0..=3 {
        assert_eq!(record.next().await?.delivery_count, expected);
    }
    let dead = station.broker.take(DEAD).await?;
    assert_eq!(dead.data, sent.payload);
    assert!(record.is_silent().await);

    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_becomes_a_dead_letter_at_once() -> Result<()> {
    let station = Station::new().await?;
    let mut record = station.consume(Recorder::new(|_, _| Err(HandleError::poison("not a message"))));

    let sent = station.send().await?;
    record.next().await?;
    assert_eq!(station.broker.take(DEAD).await?.data, sent.payload);
    assert!(record.is_silent().await);

    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_costs_one_delivery_and_nothing_else() -> Result<()> {
    let station = Station::new().await?;
    let mut record = station.consume(Recorder::new(|_, before| {
        assert!(before > 0, "the first time goes wrong");
        Ok(())
    }));

    station.send().await?;
    assert_eq!(record.next().await?.delivery_count, 1);

    station.end_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_held_while_a_server_is_away() -> Result<()> {
    let broker = Broker::new().await?;
    broker.limit_deliveries(1).await?;
    let station = Station::on(broker).await?;
    let mut record = station.consume(Recorder::new(|_, before| match before {
        0..4 => Err(HandleError::unavailable("the database is away")),
        _ => Ok(()),
    }));

    station.send().await?;
    for _ in 0..5 {
        // Held here all the time: the broker does not deliver it again, and counts nothing.
        assert_eq!(record.next().await?.delivery_count, 0);
    }
    assert!(record.is_silent().await);

    station.end_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_message_goes_back_when_the_process_stops() -> Result<()> {
    let station = Station::new().await?;
    let mut record = station.consume(Recorder::new(|_, _| Err(HandleError::unavailable("the database is away"))));

    let sent = station.send().await?;
    record.next().await?;
    let broker = station.stop().await?;
    assert_eq!(broker.take(QUEUE).await?.data, sent.payload);
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_process_finishes_what_it_has_in_hand() -> Result<()> {
    let broker = Broker::new().await?;
    let mut settings = broker.settings()?;
    settings.concurrency = std::num::NonZeroU16::MIN;
    let station = Station::through(broker, settings).await;
    let (recorder, record) = Recorder::content();
    let mut record = station.consume((recorder.taking(Duration::from_secs(1)), record));

    let (first, second) = (station.send().await?, station.send().await?);
    assert_eq!(record.next().await?.message_id, Some(first.message_id));
    let broker = station.stop().await?;

    // The first was acknowledged; the second had not been begun.
    let left = broker.take(QUEUE).await?;
    assert_eq!(left.properties.message_id().as_ref().map(|id| id.as_str()), Some(second.message_id.to_string().as_str()));
    assert!(broker.is_empty(QUEUE).await?);
    broker.remove().await
}
