use std::{future::Future, pin::Pin, time::Duration};

use futures_util::{Stream, StreamExt};
use lapin::{Channel, Connection, ConnectionProperties, Event};
use tokio::time::{interval, timeout};

use crate::{BusSettings, declare::declare, error::LinkError, topology};

/// How long the broker may take to answer anything.
pub(crate) const BROKER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a good-bye may take; without it the broker notices by itself.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How often the connection is asked how it is, in case its end was not reported.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// One live connection with one channel, and the topology declared.
pub(crate) struct Link {
    pub(crate) channel: Channel,
    connection: Connection,
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
}

impl Link {
    /// Connects and declares the topology. `name` is what an operator sees in RabbitMQ's list of connections.
    pub(crate) async fn open(settings: &BusSettings, name: &str) -> Result<Self, LinkError> {
        // lapin's own recovery stays off: after some broker restarts it leaves publishes unanswered and consumers silent.
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connection = within("connect", Connection::connect_uri(settings.uri(), properties)).await?;
        let events = Box::pin(connection.events_listener());
        let channel = within("open a channel", connection.create_channel()).await?;
        declare(&channel, &topology::ZOETROPE).await?;
        Ok(Self { channel, connection, events })
    }

    /// Waits for the end of the connection or of its channel.
    pub(crate) async fn lost(&mut self) -> LinkError {
        let mut check = interval(CHECK_INTERVAL);
        loop {
            tokio::select! {
                event = self.events.next() => match event {
                    Some(Event::Error(error)) => return LinkError::Reported(error),
                    Some(Event::ConnectionBlocked(reason)) => tracing::warn!(reason, "RabbitMQ takes no messages for now"),
                    Some(Event::ConnectionUnblocked) => tracing::info!("RabbitMQ takes messages again"),
                    Some(_) => {}
                    None => return LinkError::Broken,
                },
                _ = check.tick() => if !self.connection.status().connected() || !self.channel.status().connected() {
                    return LinkError::Broken;
                },
            }
        }
    }

    /// Says good-bye, so that the broker hands on at once what was not settled.
    pub(crate) async fn close(self) {
        // A connection that is broken already cannot be closed, and need not be.
        let _ = timeout(CLOSE_TIMEOUT, self.connection.close(200, "OK".into())).await;
    }
}

/// Waits for the broker, but not for ever.
pub(crate) async fn within<T>(doing: &'static str, answer: impl Future<Output = lapin::Result<T>>) -> Result<T, LinkError> {
    match timeout(BROKER_TIMEOUT, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(LinkError::Amqp { doing, source }),
        Err(_) => Err(LinkError::TimedOut { doing }),
    }
}
