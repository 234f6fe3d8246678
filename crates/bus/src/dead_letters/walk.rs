use lapin::{
    Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions, QueueDeclareOptions},
    types::FieldTable,
};

use super::{DeadLettersError, properties::uncounted};
use crate::{
    confirmed::{Receipt, publish_confirmed},
    error::LinkError,
    link::within,
    message::DELIVERY_COUNT,
    topology::dead_letter_queue,
    values::{as_count, header},
};

/// How often a dead letter may have been given back before it is replaced by a fresh copy of itself. From RabbitMQ 4 on, what was given back 20
/// times is deleted, unless a policy says otherwise; looking must not be what kills a message.
const RENEW_AFTER: u64 = 10;

/// What becomes of a dead letter that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    /// It stays, and nothing further is of interest.
    StaysAsTheLast,
    /// It has been dealt with.
    Goes,
}

/// Looks at the dead letters of a queue one after the other, at most `limit` and only those that are there at the start. Those that stay are held
/// until the end, because the broker would hand them out again at once, and are given back then; their order may change. Returns how many there
/// were at the start.
///
/// One body is in memory at a time.
pub(super) async fn walk(
    channel: &Channel,
    queue: &str,
    limit: u64,
    inspect: impl AsyncFnMut(&Delivery) -> Result<Fate, DeadLettersError>,
) -> Result<u64, DeadLettersError> {
    let walked = look_at_each(channel, queue, limit, inspect).await;
    // Also after an error. If this fails too, the end of the connection gives them back.
    let all = BasicNackOptions { multiple: true, requeue: true };
    let given_back = within("give the dead letters back", channel.basic_nack(0, all)).await;
    let total = walked?;
    given_back?;
    Ok(total)
}

async fn look_at_each(
    channel: &Channel,
    queue: &str,
    limit: u64,
    mut inspect: impl AsyncFnMut(&Delivery) -> Result<Fate, DeadLettersError>,
) -> Result<u64, DeadLettersError> {
    let dead = dead_letter_queue(queue);
    // Only a message itself tells for certain how many come after it: when the broker is asked for a count, it may not have taken back yet what the
    // walk before has given back.
    let mut total = None;
    let mut seen = 0;
    while seen < limit.min(total.unwrap_or(limit)) {
        let got =
            within("take a dead letter", channel.basic_get(dead.as_str().into(), BasicGetOptions { no_ack: false })).await?;
        let Some(got) = got else { break };
        seen += 1;
        total.get_or_insert(u64::from(got.message_count) + 1);
        match inspect(&got).await? {
            Fate::Stays => keep(channel, &dead, &got).await?,
            Fate::StaysAsTheLast => {
                keep(channel, &dead, &got).await?;
                break;
            }
            Fate::Goes => acknowledge(&got).await?,
        }
    }
    Ok(total.unwrap_or_default())
}

/// How many dead letters a queue has, apart from those that somebody is looking at, or was a moment ago.
pub(crate) async fn count(channel: &Channel, queue: &str) -> Result<u64, LinkError> {
    let passive = QueueDeclareOptions::durable().passive();
    let declared = channel.queue_declare(dead_letter_queue(queue).into(), passive, FieldTable::default());
    Ok(within("count the dead letters", declared).await?.message_count().into())
}

async fn keep(channel: &Channel, dead: &str, letter: &Delivery) -> Result<(), DeadLettersError> {
    let given_back = header(&letter.properties, DELIVERY_COUNT).and_then(as_count).unwrap_or_default();
    if given_back < RENEW_AFTER {
        return Ok(());
    }
    match publish_confirmed(channel, "", dead, uncounted(&letter.properties), &letter.data).await? {
        Receipt::Taken => acknowledge(letter).await,
        Receipt::Refused | Receipt::Unroutable => Err(DeadLettersError::Refused(dead.to_owned())),
    }
}

async fn acknowledge(letter: &Delivery) -> Result<(), DeadLettersError> {
    if within("take a dead letter out", letter.acker.ack(BasicAckOptions::default())).await? {
        Ok(())
    } else {
        Err(LinkError::Unsettled.into())
    }
}
