//! A tap on the bus that gives every message a second time: soon, or when nobody thinks of it any more.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use anyhow::{Result, bail, ensure};
use futures_util::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use rand::{RngExt, rngs::StdRng};
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};

use crate::stage::Stage;

/// The exchanges that the platform speaks over.
const EXCHANGES: [&str; 2] = ["zoetrope.events", "zoetrope.commands"];
/// Marks what comes from here, so that it is not repeated again.
const MARK: &str = "x-chaos-repeat";
/// Seconds until the repetition; most come soon.
const SOON: Range<f64> = 0.0..5.0;
const LATE: Range<f64> = 20.0..40.0;
const LATE_PART: f64 = 0.15;
/// How long the broker may take to answer anything.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

struct Repeat {
    exchange: ShortString,
    routing_key: ShortString,
    properties: BasicProperties,
    payload: Vec<u8>,
}

/// What is to be repeated when; the number tells apart what is due at the same moment.
struct Tap<'a> {
    stage: &'a Stage<'a>,
    pending: BTreeMap<(Instant, u64), Repeat>,
    number: u64,
    dice: StdRng,
}

/// Repeats until the storm is over; then gives all that is still due at once, and returns.
pub async fn repeat_everything(stage: &Stage<'_>, amqp: &str) {
    let mut tap = Tap { stage, pending: BTreeMap::new(), number: 0, dice: stage.plan.dice(40) };
    loop {
        // The broker goes away again and again; what is pending waits for its return.
        if tap.session(amqp).await.is_ok() {
            return;
        }
        tokio::select! {
            () = stage.over.cancelled() => return,
            () = sleep(PAUSE) => {}
        }
    }
}

impl Tap<'_> {
    /// `Ok` when everything was repeated and nothing more will come.
    async fn session(&mut self, amqp: &str) -> Result<()> {
        let connection = timeout(PATIENCE, Connection::connect(amqp, ConnectionProperties::default())).await??;
        let channel = timeout(PATIENCE, connection.create_channel()).await??;
        let mut consumer = timeout(PATIENCE, tap(&channel)).await??;
        let mut check = interval(Duration::from_secs(1));
        loop {
            let next = self.pending.first_key_value().map(|((due, _), _)| *due);
            tokio::select! {
                () = self.stage.calm.cancelled() => break,
                delivery = consumer.next() => match delivery {
                    Some(delivery) => self.take(delivery?),
                    None => bail!("the consumer ended"),
                },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.publish_first(&channel).await?,
                _ = check.tick() => ensure!(connection.status().connected(), "the connection ended"),
            }
        }
        while !self.pending.is_empty() {
            self.publish_first(&channel).await?;
        }
        // Closing waits for what was published.
        timeout(PATIENCE, connection.close(200, "OK".into())).await??;
        Ok(())
    }

    fn take(&mut self, delivery: Delivery) {
        let mut headers = delivery.properties.headers().clone().unwrap_or_default();
        if headers.contains_key(MARK) {
            return;
        }
        headers.insert(MARK.into(), AMQPValue::Boolean(true));
        let wait = if self.dice.random_bool(LATE_PART) { LATE } else { SOON };
        let due = Instant::now() + Stage::seconds(&mut self.dice, wait);
        self.number += 1;
        let repeat = Repeat {
            exchange: delivery.exchange,
            routing_key: delivery.routing_key,
            properties: delivery.properties.with_headers(headers),
            payload: delivery.data,
        };
        self.pending.insert((due, self.number), repeat);
    }

    async fn publish_first(&mut self, channel: &Channel) -> Result<()> {
        let Some(first) = self.pending.first_entry() else { return Ok(()) };
        let Repeat { exchange, routing_key, properties, payload } = first.get();
        let options = BasicPublishOptions::default();
        let published = channel.basic_publish(exchange.clone(), routing_key.clone(), options, payload, properties.clone());
        // Taken off the list only then: of what the broker may not have got, there is one more copy.
        timeout(PATIENCE, published).await??;
        first.remove();
        self.stage.journal.count(|counts| counts.repeated += 1);
        Ok(())
    }
}

/// A queue of our own that hears everything.
async fn tap(channel: &Channel) -> lapin::Result<Consumer> {
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
    let queue = channel.queue_declare("".into(), options, FieldTable::default()).await?.name().clone();
    for exchange in EXCHANGES {
        channel
            .queue_bind(queue.clone(), exchange.into(), "#".into(), QueueBindOptions::default(), FieldTable::default())
            .await?;
    }
    let options = BasicConsumeOptions { no_ack: true, ..Default::default() };
    channel.basic_consume(queue, "".into(), options, FieldTable::default()).await
}
