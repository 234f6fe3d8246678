mod batch;
mod line;

use std::{slice, sync::Arc};

use metrics::counter;
use tokio::time::timeout;
use zoetrope_service::Process;

use self::{
    batch::{Rejected, checked, publish},
    line::{Exchange, Feed},
};
use crate::{BusSettings, OutgoingMessage, link::BROKER_TIMEOUT, supervisor::Supervisor};

/// Most messages that are under way at once; more would only fill buffers.
const WINDOW: usize = 256;

/// Publishes messages, over a connection of its own. Cheap to clone; the clones share the connection and take turns.
///
/// When the process stops, the connection stays until there has been nothing to publish for a second, so that an outbox can be emptied.
#[derive(Clone)]
pub struct Publisher {
    exchange: Arc<Exchange>,
}

/// Why a message was not published, as far as is known: after [`TimedOut`](Self::TimedOut) and [`Disconnected`](Self::Disconnected) it may have
/// been, all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection to the broker, or it ended before the confirm.
    #[error("RabbitMQ is away")]
    Disconnected,
    /// No confirm within 5 s. The connection was dropped.
    #[error("RabbitMQ did not confirm the message within 5 s")]
    TimedOut,
    /// The broker would not take it, as when a queue is full.
    #[error("RabbitMQ refused the message")]
    Refused,
    /// The exchange is unknown, or no queue takes a mandatory message: the topology is wrong. Trying again does not help before it is mended.
    #[error("no queue takes the message")]
    Unroutable,
    /// It can never be published as it is.
    #[error("the message is invalid: {0}")]
    Invalid(&'static str),
}

impl PublishError {
    /// Whether the cause lies with the broker and not with the message.
    pub const fn is_outage(self) -> bool {
        match self {
            Self::Disconnected | Self::TimedOut => true,
            Self::Refused | Self::Unroutable | Self::Invalid(_) => false,
        }
    }

    /// For labels of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::TimedOut => "timed_out",
            Self::Refused => "refused",
            Self::Unroutable => "unroutable",
            Self::Invalid(_) => "invalid",
        }
    }
}

impl Publisher {
    /// Starts connecting, and returns at once. The broker may be away.
    pub fn start(process: &Process, settings: &BusSettings) -> Self {
        let exchange = Arc::new(Exchange::default());
        let mut feed = Feed::new(Arc::clone(&exchange), process.stopping());
        let supervisor = Supervisor::new(process, settings, "publisher");
        process.spawn("bus-publisher", async move {
            supervisor.run(&mut feed).await;
            Ok(())
        });
        Self { exchange }
    }

    /// Publishes one message and waits until the broker has taken responsibility for it, at most about 5 s.
    ///
    /// # Errors
    ///
    /// At once when the broker is away.
    pub async fn publish(&self, message: &OutgoingMessage) -> Result<(), PublishError> {
        self.publish_all(slice::from_ref(message)).await.pop().unwrap_or(Err(PublishError::Disconnected))
    }

    /// Publishes messages without waiting for one confirm before sending the next. The results are in the order of the messages.
    ///
    /// When the connection breaks or the broker falls silent, the rest fails as a whole, including some that may have been published.
    pub async fn publish_all(&self, messages: &[OutgoingMessage]) -> Vec<Result<(), PublishError>> {
        let mut results = Vec::with_capacity(messages.len());
        for window in messages.chunks(WINDOW) {
            results.extend(self.publish_window(window).await);
        }
        for result in &results {
            let outcome = result.map_or_else(PublishError::as_str, |()| "confirmed");
            counter!("zoetrope_bus_published_total", "outcome" => outcome).increment(1);
        }
        results
    }

    async fn publish_window(&self, messages: &[OutgoingMessage]) -> Vec<Result<(), PublishError>> {
        let checks: Vec<_> = messages.iter().map(checked).collect();
        let good: Vec<_> = checks.iter().filter_map(|check| check.as_ref().ok()).collect();
        let rejected = self.send(&good).await;
        checks
            .iter()
            .map(|check| match (check, &rejected) {
                (Err(error), _) => Err(*error),
                (Ok(_), Err(outage)) => Err(*outage),
                (Ok(message), Ok(rejected)) => rejected.get(&message.id).map_or(Ok(()), |error| Err(*error)),
            })
            .collect()
    }

    /// Sends over the line, which is taken meanwhile: whatever happens to this future, a line in an unknown state is dropped and not used again.
    async fn send(&self, messages: &[&batch::Checked<'_>]) -> Result<Rejected, PublishError> {
        if messages.is_empty() {
            return Ok(Rejected::default());
        }
        let mut turn = self.exchange.turn().await;
        let line = turn.take().ok_or(PublishError::Disconnected)?;
        let sent = tokio::select! {
            sent = timeout(BROKER_TIMEOUT, publish(line.channel(), messages)) => sent,
            () = line.ended() => return Err(PublishError::Disconnected),
        };
        match sent {
            Ok(Ok(rejected)) => {
                turn.put_back(line);
                Ok(rejected)
            }
            Ok(Err(error)) => {
                tracing::debug!(error = %error, "a batch could not be published");
                Err(PublishError::Disconnected)
            }
            Err(_) => Err(PublishError::TimedOut),
        }
    }

    /// Whether there is a connection now.
    pub fn is_connected(&self) -> bool {
        self.exchange.is_connected()
    }

    /// Waits until there is a connection.
    pub async fn connected(&self) {
        self.exchange.connected().await;
    }
}
