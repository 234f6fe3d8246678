use lapin::{BasicProperties, Channel, Confirmation, options::BasicPublishOptions, types::ShortString};

use crate::{error::LinkError, link::within};

/// What the broker said to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// It has taken responsibility for it.
    Taken,
    /// It would not take it, as when a queue is full.
    Refused,
    /// No queue takes it.
    Unroutable,
}

/// Publishes one mandatory message on a channel with confirms, and waits for the broker's answer. Nothing else may be published on the channel
/// meanwhile: a message that comes back does not say whose answer it belongs to.
pub(crate) async fn publish_confirmed(
    channel: &Channel,
    exchange: &'static str,
    queue: &str,
    properties: BasicProperties,
    payload: &[u8],
) -> Result<Receipt, LinkError> {
    // Names of queues are our own, and short.
    let Ok(routing_key) = ShortString::try_new(queue) else { return Ok(Receipt::Unroutable) };
    let mandatory = BasicPublishOptions { mandatory: true, immediate: false };
    let confirmed = async { channel.basic_publish(exchange.into(), routing_key, mandatory, payload, properties).await?.await };
    Ok(match within("publish a message", confirmed).await? {
        Confirmation::Ack(None) => Receipt::Taken,
        Confirmation::Ack(Some(_)) => Receipt::Unroutable,
        Confirmation::Nack(_) | Confirmation::NotRequested => Receipt::Refused,
    })
}
