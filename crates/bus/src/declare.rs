use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};

use crate::{
    error::LinkError,
    link::within,
    topology::{DEAD_LETTERS, DELIVERY_LIMIT, Queue, Topology},
};

/// Declares everything. What exists already, with the same arguments, is left as it is.
pub(crate) async fn declare(channel: &Channel, topology: &Topology) -> Result<(), LinkError> {
    declare_exchange(channel, DEAD_LETTERS, ExchangeKind::Direct).await?;
    for exchange in topology.exchanges {
        declare_exchange(channel, exchange, ExchangeKind::Topic).await?;
    }
    for queue in topology.queues {
        // The dead-letter queue first: a message must not be given up before there is a place for it.
        let dead = queue.dead_letter_name();
        declare_queue(channel, &dead, dead_letter_queue_arguments()).await?;
        bind(channel, &dead, DEAD_LETTERS, queue.name).await?;
        declare_queue(channel, queue.name, shared_queue_arguments(queue)).await?;
        for key in queue.routing_keys {
            bind(channel, queue.name, queue.exchange, key).await?;
        }
    }
    Ok(())
}

/// Binds a queue that exists.
pub(crate) async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), LinkError> {
    let binding =
        channel.queue_bind(queue.into(), exchange.into(), key.into(), QueueBindOptions::default(), FieldTable::default());
    within("bind a queue", binding).await
}

async fn declare_exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> Result<(), LinkError> {
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    within("declare an exchange", channel.exchange_declare(name.into(), kind, durable, FieldTable::default())).await
}

async fn declare_queue(channel: &Channel, name: &str, arguments: FieldTable) -> Result<(), LinkError> {
    within("declare a queue", channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments)).await?;
    Ok(())
}

fn shared_queue_arguments(queue: &Queue) -> FieldTable {
    arguments([
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", AMQPValue::LongInt(DELIVERY_LIMIT.cast_signed())),
        ("x-dead-letter-exchange", text(DEAD_LETTERS)),
        ("x-dead-letter-routing-key", text(queue.name)),
        // At most once is the default: a message would be lost when the broker stops between the two queues. The other overflow behaviour does
        // not go together with this.
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ])
}

fn dead_letter_queue_arguments() -> FieldTable {
    arguments([("x-queue-type", text("quorum"))])
}

pub(crate) fn arguments<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in entries {
        table.insert(key.into(), value);
    }
    table
}

pub(crate) fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
