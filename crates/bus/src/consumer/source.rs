use std::{fmt, num::NonZeroU16, sync::Arc};

use lapin::{
    Channel, Consumer,
    options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use uuid::Uuid;

use crate::{
    BusSettings,
    declare::{arguments, bind, text},
    error::LinkError,
    link::within,
};

/// Most messages that wait in a private queue, about 10 s of a very busy platform. The oldest are dropped first.
const PRIVATE_QUEUE_LENGTH: i32 = 50_000;
/// Enough to keep one busy that handles messages one by one.
const PRIVATE_PREFETCH: u16 = 256;

/// The queue to consume.
#[derive(Clone)]
pub enum ConsumeFrom {
    /// A queue of the [topology](crate::topology), whose messages the replicas of a service share.
    Shared(&'static str),
    /// A queue that is this replica's alone: every replica gets every message. It lives as long as the connection, so what happens while there is
    /// none is missed, and it has no dead letters: a message that is poison or fails is dropped.
    Private {
        /// The queue is named `<prefix>.<random>`.
        prefix: &'static str,
        /// Exchange to hear.
        exchange: &'static str,
        /// What to hear of it.
        routing_keys: &'static [&'static str],
        /// Called whenever the queue has been made, which is after every connect; from then on, nothing is missed. Must not block.
        on_connected: Arc<dyn Fn() + Send + Sync>,
    },
}

impl fmt::Debug for ConsumeFrom {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.label())
    }
}

/// What becomes of a message that is not to be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivesUp {
    /// It is tried again up to the delivery limit, then it goes to the dead-letter queue.
    ToDeadLetters,
    /// It is dropped at once: nothing would count the tries.
    ToNobody,
}

impl ConsumeFrom {
    /// Names the queue in metrics and logs; the same for all replicas.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Shared(name) => name,
            Self::Private { prefix, .. } => prefix,
        }
    }

    pub(super) fn gives_up(&self) -> GivesUp {
        match self {
            Self::Shared(_) => GivesUp::ToDeadLetters,
            Self::Private { .. } => GivesUp::ToNobody,
        }
    }

    pub(super) fn concurrency(&self, settings: &BusSettings) -> usize {
        match self {
            Self::Shared(_) => settings.concurrency.get().into(),
            Self::Private { .. } => 1,
        }
    }

    pub(super) async fn subscribe(&self, channel: &Channel, prefetch: NonZeroU16) -> Result<Consumer, LinkError> {
        match self {
            Self::Shared(name) => {
                limit(channel, prefetch.get()).await?;
                start(channel, name, BasicConsumeOptions::default()).await
            }
            Self::Private { prefix, exchange, routing_keys, on_connected } => {
                // A new name every time: the broker may still hold the one of a connection that broke.
                let name = format!("{prefix}.{}", Uuid::new_v4());
                declare_private(channel, &name).await?;
                for key in *routing_keys {
                    bind(channel, &name, exchange, key).await?;
                }
                limit(channel, PRIVATE_PREFETCH).await?;
                let consumer = start(channel, &name, BasicConsumeOptions { exclusive: true, ..Default::default() }).await?;
                on_connected();
                Ok(consumer)
            }
        }
    }
}

async fn declare_private(channel: &Channel, name: &str) -> Result<(), LinkError> {
    let bounded = arguments([("x-max-length", AMQPValue::LongInt(PRIVATE_QUEUE_LENGTH)), ("x-overflow", text("drop-head"))]);
    let declared = channel.queue_declare(name.into(), QueueDeclareOptions::exclusive().auto_delete(), bounded);
    within("declare a private queue", declared).await?;
    Ok(())
}

async fn limit(channel: &Channel, prefetch: u16) -> Result<(), LinkError> {
    within("limit the prefetch", channel.basic_qos(prefetch, BasicQosOptions::default())).await
}

async fn start(channel: &Channel, queue: &str, options: BasicConsumeOptions) -> Result<Consumer, LinkError> {
    within("start consuming", channel.basic_consume(queue.into(), "".into(), options, FieldTable::default())).await
}
