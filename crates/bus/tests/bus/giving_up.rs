//! Messages that are given up are kept, with the reason.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context, Result};
use lapin::{message::BasicGetMessage, types::AMQPValue};
use serde_json::json;
use zoetrope_bus::{HandleError, PublishError, topology};

use crate::{
    broker::Broker,
    message,
    recorder::{Record, Recorder},
    station::{DEAD, QUEUE, Station},
};

fn header<'a>(letter: &'a BasicGetMessage, name: &str) -> Result<&'a AMQPValue> {
    letter
        .properties
        .headers()
        .as_ref()
        .and_then(|headers| headers.inner().get(name))
        .with_context(|| format!("no header {name}"))
}

fn text(letter: &BasicGetMessage, name: &str) -> Result<String> {
    match header(letter, name)? {
        AMQPValue::LongString(text) => Ok(text.to_string()),
        other => anyhow::bail!("{name} is {other:?}"),
    }
}

fn number(letter: &BasicGetMessage, name: &str) -> Result<i64> {
    match header(letter, name)? {
        AMQPValue::LongLongInt(number) => Ok(*number),
        other => anyhow::bail!("{name} is {other:?}"),
    }
}

/// What gives up every message at once.
fn hopeless() -> (Recorder, Record) {
    Recorder::new(|_, _| Err(HandleError::poison("not a message")))
}

#[derive(Debug, thiserror::Error)]
#[error("the message\nis nonsense")]
struct Nonsense(#[source] std::num::ParseIntError);

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_says_why_and_when_it_died() -> Result<()> {
    let station = Station::new().await?;
    let nonsense = || "seven".parse::<u32>().map(drop).map_err(|error| HandleError::poison(Nonsense(error)));
    let _record = station.consume(Recorder::new(move |_, _| nonsense()));

    let sent = station.send().await?;
    let letter = station.broker.take(DEAD).await?;
    assert_eq!(letter.data, sent.payload);
    let properties = &letter.properties;
    assert_eq!(properties.message_id().as_ref().map(|id| id.as_str()), Some(sent.message_id.to_string().as_str()));
    assert_eq!(properties.kind().as_ref().map(|kind| kind.as_str()), Some(sent.message_type.as_str()));
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert_eq!(Some(text(&letter, "traceparent")?), sent.traceparent);
    assert_eq!(text(&letter, "x-zoetrope-reason")?, "the message is nonsense: invalid digit found in string");
    assert_eq!(text(&letter, "x-zoetrope-service")?, "test");
    assert_eq!(number(&letter, "x-zoetrope-attempts")?, 1);
    let now = i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_millis())?;
    assert!((now - 60_000..=now).contains(&number(&letter, "x-zoetrope-died-at")?));

    station.end_empty().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_failed_too_often_dies_with_its_last_error() -> Result<()> {
    let station = Station::new().await?;
    let sent = station.send().await?;
    station.broker.hand_back(QUEUE, topology::DELIVERY_LIMIT).await?;

    let mut record = station.consume(Recorder::new(|_, _| Err(HandleError::failed("a bug"))));
    assert_eq!(record.next().await?.delivery_count, u64::from(topology::DELIVERY_LIMIT));
    let letter = station.broker.take(DEAD).await?;
    assert_eq!((letter.data.as_slice(), text(&letter, "x-zoetrope-reason")?), (sent.payload.as_slice(), "a bug".to_owned()));
    assert_eq!(number(&letter, "x-zoetrope-attempts")?, 21);
    assert!(record.is_silent().await);

    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_dead_letter_queue_is_made_again_and_nothing_is_lost() -> Result<()> {
    let station = Station::new().await?;
    let mut record = station.consume(hopeless());
    station.send().await?;
    station.broker.take(DEAD).await?;
    record.next().await?;

    station.broker.delete_queue(DEAD).await?;
    let sent = station.send().await?;
    // It could not be set aside, so it comes again.
    for _ in 0..2 {
        assert_eq!(record.next().await?.message_id, Some(sent.message_id));
    }
    let letter = station.broker.take(DEAD).await?;
    assert_eq!(
        (letter.data.as_slice(), text(&letter, "x-zoetrope-reason")?),
        (sent.payload.as_slice(), "not a message".to_owned())
    );
    assert!(record.is_silent().await && station.broker.is_empty(DEAD).await?);

    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_dead_letter_queue_refuses_stays_with_its_queue_and_holds_up_nobody() -> Result<()> {
    let station = Station::new().await?;
    let mut record = station.consume(hopeless());
    // Only these two: what another queue refuses is refused, although this one has taken it.
    station.broker.rule(&format!("^{QUEUE}"), json!({ "max-length": 3, "overflow": "reject-publish" })).await?;

    let patience = Instant::now() + Duration::from_secs(60);
    let mut refusals = 0;
    // First the dead-letter queue fills, then the queue itself, although everybody has heard all of it: nothing is lost, and nothing comes twice.
    while refusals < 20 {
        assert!(Instant::now() < patience, "given up, but in none of the two queues");
        let sent = message();
        match station.publisher.publish(&sent).await {
            Ok(()) => {
                refusals = 0;
                assert_eq!(record.next().await?.message_id, Some(sent.message_id));
            }
            Err(PublishError::Refused) => refusals += 1,
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(record.is_silent().await);

    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_while_the_network_is_down_dies_when_it_is_back() -> Result<()> {
    let broker = Broker::new().await?;
    let (proxy, settings) = broker.behind_proxy().await?;
    let station = Station::through(broker, settings).await;
    let sent = station.send().await?;

    let proxy = Arc::new(proxy);
    let network = Arc::clone(&proxy);
    let (recorder, record) = Recorder::new(move |_, before| {
        if before == 0 {
            network.mute();
        }
        Err(HandleError::poison("not a message"))
    });
    let mut record = station.consume((recorder.taking(Duration::from_millis(100)), record));
    record.next().await?;
    assert!(station.broker.is_empty(DEAD).await?);
    // What was swallowed until now is gone for good.
    proxy.cut();
    proxy.open();
    assert_eq!(record.next().await?.message_id, Some(sent.message_id));
    assert_eq!(text(&station.broker.take(DEAD).await?, "x-zoetrope-reason")?, "not a message");
    assert!(record.is_silent().await && station.broker.is_empty(DEAD).await?);

    station.end().await
}
