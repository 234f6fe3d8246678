//! What operators do with dead letters.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use tokio::time::{Instant, sleep};
use zoetrope_bus::{
    BusSettings, ConsumeFrom, HandleError, OutgoingMessage, Publisher, consume,
    dead_letters::{DeadLetters, DeadLettersError, Selection},
    topology,
};
use zoetrope_service::Process;

use crate::{
    broker::Broker,
    message,
    recorder::{Record, Recorder, counter},
    station::{DEAD, QUEUE, Station},
    stop,
};

/// A broker, and a consumer that gives up every message for as long as it runs.
pub struct Graveyard {
    pub settings: BusSettings,
    station: Station,
    record: Record,
}

impl Graveyard {
    pub async fn new() -> Result<Self> {
        let station = Station::new().await?;
        let record = station.consume(Recorder::new(|_, before| Err(HandleError::poison(format!("time {}", before + 1)))));
        Ok(Self { settings: station.broker.settings()?, station, record })
    }

    /// So many messages that die one after the other.
    pub async fn bury(&mut self, count: u64) -> Result<Vec<OutgoingMessage>> {
        let letters = DeadLetters::open(&self.settings, "test").await?;
        let before = letters.count(QUEUE).await?;
        let mut sent = Vec::new();
        for number in 1..=count {
            let message = self.station.send().await?;
            self.record.next().await?;
            until_count(&letters, before + number).await?;
            sent.push(message);
        }
        letters.close().await;
        Ok(sent)
    }

    /// Ends the consumer.
    pub async fn leave(self) -> Result<Broker> {
        self.station.stop().await
    }
}

async fn until_count(letters: &DeadLetters, count: u64) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(30);
    while letters.count(QUEUE).await? != count {
        ensure!(Instant::now() < patience, "{} dead letters, not {count}", letters.count(QUEUE).await?);
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

pub fn ids(messages: &[OutgoingMessage]) -> Vec<Option<String>> {
    messages.iter().map(|message| Some(message.message_id.to_string())).collect()
}

fn these(messages: &[OutgoingMessage]) -> Selection {
    Selection::Ids(messages.iter().map(|message| message.message_id.to_string()).collect())
}

async fn listed(letters: &DeadLetters) -> Result<Vec<Option<String>>> {
    Ok(letters.list(QUEUE, 100).await?.letters.into_iter().map(|letter| letter.message_id).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_leaves_everything_as_it_is() -> Result<()> {
    let mut graveyard = Graveyard::new().await?;
    let sent = graveyard.bury(10).await?;
    let letters = DeadLetters::open(&graveyard.settings, "test").await?;

    for limit in [3, 10, 4, 100] {
        let listing = letters.list(QUEUE, limit).await?;
        let shown: Vec<_> = listing.letters.iter().map(|letter| letter.message_id.clone()).collect();
        assert_eq!((shown.as_slice(), listing.total), (&ids(&sent)[..limit.min(10)], 10));
        let first = &listing.letters[0];
        assert_eq!((first.queue.as_str(), first.reason.as_str(), first.attempts), (QUEUE, "time 1", Some(1)));
        assert_eq!((first.message_type.as_str(), first.payload_bytes), (sent[0].message_type.as_str(), sent[0].payload.len()));
        assert_eq!((first.routing_key.as_deref(), &first.traceparent), (Some("user.registered"), &sent[0].traceparent));
        assert!(first.died_at.is_some() && first.published_at.is_some());
    }
    let wanted = sent[6].message_id.to_string();
    let (letter, body) = letters.find(QUEUE, &wanted).await?.context("not found")?;
    assert_eq!((letter.message_id, body), (Some(wanted), sent[6].payload.clone()));
    assert_eq!(letters.find(QUEUE, "another").await?, None);
    until_count(&letters, 10).await?;

    letters.close().await;
    graveyard.leave().await?.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_often_kills_nothing_where_the_broker_counts_it() -> Result<()> {
    let mut graveyard = Graveyard::new().await?;
    let sent = graveyard.bury(3).await?;
    graveyard.station.broker.rule("dead$", json!({ "delivery-limit": 15 })).await?;
    let letters = DeadLetters::open(&graveyard.settings, "test").await?;
    for _ in 0..50 {
        assert_eq!(listed(&letters).await?, ids(&sent));
    }
    assert_eq!(letters.list(QUEUE, 1).await?.letters[0].reason, "time 1");

    letters.close().await;
    graveyard.leave().await?.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replayed_is_heard_again_by_its_queue_alone() -> Result<()> {
    let broker = Broker::new().await?;
    let settings = broker.settings()?;
    let process = Process::detached("test");
    let publisher = Publisher::start(&process, &settings);
    let (recorder, mut record) =
        Recorder::new(|_, before| if before == 0 { Err(HandleError::poison("too early")) } else { Ok(()) });
    consume(&process, &settings, ConsumeFrom::Shared(topology::NOTIFIER_FEED), recorder);
    let (other, mut heard) = Recorder::content();
    let (on_connected, mut connects) = counter();
    let from = ConsumeFrom::Private {
        prefix: "other",
        exchange: topology::EVENTS,
        routing_keys: &[topology::TASK_UPDATED],
        on_connected,
    };
    consume(&process, &settings, from, other);
    connects.wait_for(|count| *count > 0).await?;
    publisher.connected().await;

    let sent = OutgoingMessage { routing_key: topology::TASK_UPDATED.to_owned(), ..message() };
    publisher.publish(&sent).await?;
    record.next().await?;
    heard.next().await?;
    broker.wait_for("notifier.feed.dead").await?;

    let letters = DeadLetters::open(&settings, "test").await?;
    let settled = letters.replay(topology::NOTIFIER_FEED, &these(std::slice::from_ref(&sent))).await?;
    assert_eq!((settled.count, settled.ids.len()), (1, 1));
    let again = record.next().await?;
    assert_eq!((again.message_id, &again.message_type), (Some(sent.message_id), &sent.message_type));
    assert_eq!((&again.traceparent, &again.payload, again.delivery_count), (&sent.traceparent, &sent.payload, 0));
    assert!(heard.is_silent().await && record.is_silent().await);
    assert_eq!(letters.count(topology::NOTIFIER_FEED).await?, 0);

    letters.close().await;
    stop(process).await?;
    assert!(broker.is_empty(topology::NOTIFIER_FEED).await?);
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_that_are_named_are_replayed_or_dropped() -> Result<()> {
    let mut graveyard = Graveyard::new().await?;
    let sent = graveyard.bury(5).await?;
    let broker = graveyard.leave().await?;
    let letters = DeadLetters::open(&broker.settings()?, "test").await?;

    let unknown = Selection::Ids(BTreeSet::from(["another".to_owned()]));
    assert_eq!(letters.replay(QUEUE, &unknown).await?.count, 0);
    assert_eq!(letters.discard(QUEUE, &unknown).await?.count, 0);
    assert_eq!(letters.discard(QUEUE, &these(&sent[1..2])).await?.count, 1);
    let replayed = letters.replay(QUEUE, &these(&sent[3..])).await?;
    assert_eq!(replayed.ids, ids(&sent[3..]).into_iter().flatten().collect());
    assert_eq!(listed(&letters).await?, [ids(&sent)[0].clone(), ids(&sent)[2].clone()]);
    for message in &sent[3..] {
        let back = broker.take(QUEUE).await?;
        assert_eq!(back.properties.message_id().as_ref().map(|id| id.as_str()), Some(message.message_id.to_string().as_str()));
    }
    assert_eq!(letters.discard(QUEUE, &Selection::All).await?.count, 2);
    assert_eq!(letters.discard(QUEUE, &Selection::All).await?.count, 0);

    letters.close().await;
    assert!(broker.is_empty(QUEUE).await? && broker.is_empty(DEAD).await?);
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn replaying_all_ends_although_the_messages_die_again() -> Result<()> {
    let mut graveyard = Graveyard::new().await?;
    graveyard.bury(20).await?;
    let letters = DeadLetters::open(&graveyard.settings, "test").await?;
    assert_eq!(letters.replay(QUEUE, &Selection::All).await?.count, 20);
    until_count(&letters, 20).await?;
    let listing = letters.list(QUEUE, 100).await?;
    assert!(listing.letters.iter().all(|letter| letter.reason == "time 2" && letter.attempts == Some(1)), "{listing:?}");

    letters.close().await;
    graveyard.leave().await?.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_takes_nothing_leaves_its_dead_letters_alone() -> Result<()> {
    let mut graveyard = Graveyard::new().await?;
    let sent = graveyard.bury(2).await?;
    let broker = graveyard.leave().await?;
    let letters = DeadLetters::open(&broker.settings()?, "test").await?;
    broker.delete_queue(QUEUE).await?;
    assert!(matches!(letters.replay(QUEUE, &Selection::All).await, Err(DeadLettersError::Refused(queue)) if queue == QUEUE));
    assert_eq!(listed(&letters).await?, ids(&sent));

    letters.close().await;
    broker.remove().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_gave_up_by_itself_has_a_reason_too() -> Result<()> {
    let station = Station::new().await?;
    station.send().await?;
    // As often as a consumer that dies over it.
    station.broker.hand_back(QUEUE, topology::DELIVERY_LIMIT + 1).await?;

    let letters = DeadLetters::open(&station.broker.settings()?, "test").await?;
    until_count(&letters, 1).await?;
    let listing = letters.list(QUEUE, 1).await?;
    let letter = &listing.letters[0];
    assert!(letter.reason.starts_with("delivered too often"), "{letter:?}");
    assert!(letter.died_at.is_some() && letter.attempts.is_none(), "{letter:?}");
    assert_eq!(letter.routing_key.as_deref(), Some("user.registered"));

    letters.close().await;
    station.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_an_error() -> Result<()> {
    // Nothing listens there: the port is reserved.
    let opened = DeadLetters::open(&BusSettings::new("amqp://127.0.0.1:1".parse()?), "test").await;
    assert!(matches!(opened, Err(DeadLettersError::Broker(_))));
    Ok(())
}
