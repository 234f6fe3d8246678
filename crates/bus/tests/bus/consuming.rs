use std::time::Duration;

use anyhow::Result;
use zoetrope_bus::{ConsumeFrom, HandleError, Publisher, consume, topology};
use zoetrope_service::Process;

use crate::{broker::Broker, message, recorder::Recorder, stop};

const QUEUE: &str = topology::TASKS_USER_EVENTS;
const DEAD: &str = "tasks.user-events.dead";

#[tokio::test(flavor = "multi_thread")]
async fn a_handled_message_is_gone() -> Result<()> {
    let broker = Broker::new().await?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &broker.settings()?);
    let (recorder, mut record) = Recorder::content();
    consume(&process, &broker.settings()?, ConsumeFrom::Shared(QUEUE), recorder);

    publisher.connected().await;
    let sent = message();
    publisher.publish(&sent).await?;
    let received = record.next().await?;
    assert_eq!(received.message_id, Some(sent.message_id));
    assert_eq!(received.message_type, sent.message_type);
    assert_eq!(received.traceparent, sent.traceparent);
    assert_eq!(received.payload, sent.payload);
    assert_eq!(received.delivery_count, 0);

    stop(process).await?;
    assert!(broker.is_empty(QUEUE).await? && broker.is_empty(DEAD).await?);
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_keeps_failing_becomes_a_dead_letter() -> Result<()> {
    let broker = Broker::new().await?;
    broker.limit_deliveries(3).await?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &broker.settings()?);
    let (recorder, mut record) = Recorder::new(|_, _| Err(HandleError::failed("a bug")));
    consume(&process, &broker.settings()?, ConsumeFrom::Shared(QUEUE), recorder);

    publisher.connected().await;
    let sent = message();
    publisher.publish(&sent).await?;
    for expected in 0..=3 {
        assert_eq!(record.next().await?.delivery_count, expected);
    }
    let dead = broker.take(DEAD).await?;
    assert_eq!(dead.data, sent.payload);
    assert!(record.is_silent().await);

    stop(process).await?;
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_becomes_a_dead_letter_at_once() -> Result<()> {
    let broker = Broker::new().await?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &broker.settings()?);
    let (recorder, mut record) = Recorder::new(|_, _| Err(HandleError::poison("not a message")));
    consume(&process, &broker.settings()?, ConsumeFrom::Shared(QUEUE), recorder);

    publisher.connected().await;
    let sent = message();
    publisher.publish(&sent).await?;
    record.next().await?;
    assert_eq!(broker.take(DEAD).await?.data, sent.payload);
    assert!(record.is_silent().await);

    stop(process).await?;
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_costs_one_delivery_and_nothing_else() -> Result<()> {
    let broker = Broker::new().await?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &broker.settings()?);
    let (recorder, mut record) = Recorder::new(|_, before| {
        assert!(before > 0, "the first time goes wrong");
        Ok(())
    });
    consume(&process, &broker.settings()?, ConsumeFrom::Shared(QUEUE), recorder);

    publisher.connected().await;
    publisher.publish(&message()).await?;
    assert_eq!(record.next().await?.delivery_count, 1);

    stop(process).await?;
    assert!(broker.is_empty(QUEUE).await? && broker.is_empty(DEAD).await?);
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_held_while_a_server_is_away() -> Result<()> {
    let broker = Broker::new().await?;
    broker.limit_deliveries(1).await?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &broker.settings()?);
    let (recorder, mut record) = Recorder::new(|_, before| match before {
        0..4 => Err(HandleError::unavailable("the database is away")),
        _ => Ok(()),
    });
    consume(&process, &broker.settings()?, ConsumeFrom::Shared(QUEUE), recorder);

    publisher.connected().await;
    publisher.publish(&message()).await?;
    for _ in 0..5 {
        // Held here all the time: the broker does not deliver it again, and counts nothing.
        assert_eq!(record.next().await?.delivery_count, 0);
    }
    assert!(record.is_silent().await);

    stop(process).await?;
    assert!(broker.is_empty(QUEUE).await? && broker.is_empty(DEAD).await?);
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_message_goes_back_when_the_process_stops() -> Result<()> {
    let broker = Broker::new().await?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &broker.settings()?);
    let (recorder, mut record) = Recorder::new(|_, _| Err(HandleError::unavailable("the database is away")));
    consume(&process, &broker.settings()?, ConsumeFrom::Shared(QUEUE), recorder);

    publisher.connected().await;
    let sent = message();
    publisher.publish(&sent).await?;
    record.next().await?;
    stop(process).await?;
    assert_eq!(broker.take(QUEUE).await?.data, sent.payload);
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_process_finishes_what_it_has_in_hand() -> Result<()> {
    let broker = Broker::new().await?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &broker.settings()?);
    let (recorder, mut record) = Recorder::content();
    let mut settings = broker.settings()?;
    settings.concurrency = std::num::NonZeroU16::MIN;
    consume(&process, &settings, ConsumeFrom::Shared(QUEUE), recorder.taking(Duration::from_secs(1)));

    publisher.connected().await;
    let (first, second) = (message(), message());
    publisher.publish(&first).await?;
    publisher.publish(&second).await?;
    assert_eq!(record.next().await?.message_id, Some(first.message_id));
    stop(process).await?;

    // The first was acknowledged; the second had not been begun.
    let left = broker.take(QUEUE).await?;
    assert_eq!(left.properties.message_id().as_ref().map(|id| id.as_str()), Some(second.message_id.to_string().as_str()));
    assert!(broker.is_empty(QUEUE).await?);
    broker.remove().await
}
