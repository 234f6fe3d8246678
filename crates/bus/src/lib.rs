//! The message bus: publishing to and consuming from RabbitMQ, without losing anything.
//!
//! | part | does |
//! |---|---|
//! | [`topology`] | the exchanges, queues and bindings of the platform, as data; declared on every connect |
//! | [`Publisher`] | publishes with confirms and `mandatory`, over a connection of its own |
//! | [`consume`] | hands the messages of a queue to a [`Handler`] and settles each by what the handler says |
//! | [`dead_letters`] | shows operators what no handler could handle, and why; puts it back or drops it |
//!
//! Delivery is **at least once**, in no guaranteed order: handlers must be idempotent and must not rely on order. What a handler returns
//! decides what becomes of a message ([`HandleError`]): done, held while a server is away, tried again, or dead-lettered.
//!
//! Every connection has a supervisor: connect, declare, work until any error or 5 s of silence, drop everything, wait a moment (0.1 to 2 s, with
//! jitter), connect again. Nothing is recovered on a broken connection, because what it still believes about the broker is not to be trusted. A
//! broker that is away stops no service: publishing fails at once, consuming goes on when it returns.
//!
//! Bodies are never logged. A message carries its `message_id`, `type`, `timestamp` and the trace (`traceparent`) in its AMQP properties.
//!
//! Metrics: `zoetrope_bus_connected{connection}` (1 or 0), `zoetrope_bus_published_total{outcome}`, `zoetrope_bus_consumed_total{queue, outcome}`,
//! `zoetrope_bus_handle_seconds{queue}`, `zoetrope_bus_held_messages{queue}`, `zoetrope_bus_dead_letters{queue}` (every half minute, the same from each
//! replica).

mod confirmed;
mod consumer;
pub mod dead_letters;
mod declare;
mod error;
mod handler;
mod link;
mod message;
mod publisher;
mod settings;
mod supervisor;
pub mod topology;
mod values;

pub use consumer::{ConsumeFrom, consume};
pub use handler::{BoxError, HandleError, Handler};
pub use message::{IncomingMessage, OutgoingMessage};
pub use publisher::{PublishError, Publisher};
pub use settings::{BrokerUrl, BusSettings, InvalidBrokerUrl};
