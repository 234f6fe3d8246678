use std::{future::Future, sync::Arc, time::Duration};

use metrics::counter;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zoetrope_bus::{OutgoingMessage, PublishError, Publisher};
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::Process;

use crate::{OutboxSettings, housekeeping, outage::Outage, store};

/// How long a stopping relay waits for messages of the requests that are being finished.
const LAST_WAIT: Duration = Duration::from_millis(500);
/// How long the database may be silent: a server that hangs, or a network that swallows, closes no connection.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(10);

/// Publishes what is in the outbox. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    work: Arc<Notify>,
}

impl Relay {
    /// Starts to relay the outbox of `database`, and to measure it; returns at once. When the process stops, what is in the
    /// outbox is published as far as the servers are there; the rest waits for the next process.
    pub fn start(process: &Process, database: Database, publisher: Publisher, settings: OutboxSettings) -> Self {
        let work = Arc::new(Notify::new());
        let worker =
            Worker { database: database.clone(), publisher, settings, work: Arc::clone(&work), stopping: process.stopping() };
        process.spawn("outbox-relay", async move {
            worker.run().await;
            Ok(())
        });
        housekeeping::start_measuring(process, database);
        Self { work }
    }

    /// Says that there is something to publish: call it after the commit. Without it, a message waits for the next sweep.
    pub fn wake(&self) {
        self.work.notify_one();
    }
}

struct Worker {
    database: Database,
    publisher: Publisher,
    settings: OutboxSettings,
    work: Arc<Notify>,
    stopping: CancellationToken,
}

/// How a round ended.
enum Round {
    /// There may be more.
    Full,
    Empty,
}

#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error("cannot read the outbox")]
    Claim(#[source] DatabaseError),
    #[error("cannot write to the outbox")]
    Settle(#[source] DatabaseError),
    #[error("cannot publish")]
    Publish(#[source] PublishError),
}

impl Worker {
    async fn run(self) {
        let mut outage = Outage::new("outbox-relay");
        loop {
            // Nothing is claimed while it could not be published.
            if self.stopping.run_until_cancelled(self.publisher.connected()).await.is_none() && !self.publisher.is_connected() {
                return;
            }
            match self.round().await {
                Ok(round) => {
                    outage.over();
                    if matches!(round, Round::Empty) && !self.wait_for_work().await {
                        return;
                    }
                }
                Err(error) => {
                    let pause = outage.failed(&error);
                    if self.stopping.run_until_cancelled(sleep(pause)).await.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// False if the process is stopping and there is nothing left to do.
    async fn wait_for_work(&self) -> bool {
        let woken = self.work.notified();
        tokio::pin!(woken);
        tokio::select! {
            () = &mut woken => return true,
            () = sleep(self.settings.sweep()) => return true,
            () = self.stopping.cancelled() => {}
        }
        timeout(LAST_WAIT, woken).await.is_ok()
    }

    /// Claims a batch, publishes it, and deletes what was published.
    async fn round(&self) -> Result<Round, RoundError> {
        let token = Uuid::new_v4();
        let messages = answered(self.claim(token)).await.map_err(RoundError::Claim)?;
        if messages.is_empty() {
            return Ok(Round::Empty);
        }
        let results = self.publisher.publish_all(&messages).await;
        let sorted = Sorted::new(&messages, results);
        self.settle(token, &sorted).await.map_err(RoundError::Settle)?;
        match sorted.outage {
            Some(error) => Err(RoundError::Publish(error)),
            None if messages.len() < usize::from(self.settings.batch_size.get()) => Ok(Round::Empty),
            None => Ok(Round::Full),
        }
    }

    async fn claim(&self, token: Uuid) -> Result<Vec<OutgoingMessage>, DatabaseError> {
        let mut connection = self.database.connection().await?;
        let limit = self.settings.batch_size.get().into();
        Ok(store::claim(&mut connection, token, limit, self.settings.lease_seconds.get().into()).await?)
    }

    /// Tries until it works: whatever is not deleted is published again once its lease has expired.
    async fn settle(&self, token: Uuid, sorted: &Sorted) -> Result<(), DatabaseError> {
        let mut outage = Outage::new("outbox-relay");
        loop {
            match answered(self.try_settle(token, sorted)).await {
                Ok(()) => {
                    outage.over();
                    return Ok(());
                }
                Err(error) => {
                    let pause = outage.failed(&error);
                    if self.stopping.run_until_cancelled(sleep(pause)).await.is_none() {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn try_settle(&self, token: Uuid, sorted: &Sorted) -> Result<(), DatabaseError> {
        let mut connection = self.database.connection().await?;
        if !sorted.published.is_empty() {
            store::delete_published(&mut connection, token, &sorted.published).await?;
        }
        if !sorted.waiting.is_empty() {
            store::release(&mut connection, token, &sorted.waiting).await?;
        }
        Ok(())
    }
}

async fn answered<T>(answer: impl Future<Output = Result<T, DatabaseError>>) -> Result<T, DatabaseError> {
    match timeout(DATABASE_TIMEOUT, answer).await {
        Ok(result) => result,
        Err(elapsed) => Err(DatabaseError::Unavailable(elapsed.into())),
    }
}

/// A batch by what became of its messages.
#[derive(Default)]
struct Sorted {
    published: Vec<Uuid>,
    /// Not the message's fault: to be tried again as soon as possible. The others keep their lease, so that a message that cannot be published is
    /// tried again now and then, and holds up nobody.
    waiting: Vec<Uuid>,
    outage: Option<PublishError>,
}

impl Sorted {
    fn new(messages: &[OutgoingMessage], results: Vec<Result<(), PublishError>>) -> Self {
        let mut sorted = Self::default();
        let mut stuck = Vec::new();
        for (message, result) in messages.iter().zip(results) {
            match result {
                Ok(()) => sorted.published.push(message.message_id),
                Err(error) => {
                    counter!("zoetrope_outbox_failed_total", "reason" => error.as_str()).increment(1);
                    if error.is_outage() {
                        sorted.waiting.push(message.message_id);
                        sorted.outage = Some(error);
                    } else {
                        stuck.push((message, error));
                    }
                }
            }
        }
        if let Some((message, error)) = stuck.first() {
            let (message_id, message_type) = (message.message_id, message.message_type.as_str());
            tracing::error!(messages = stuck.len(), %message_id, message_type, %error, "messages cannot be published; they stay in the outbox");
        }
        counter!("zoetrope_outbox_published_total").increment(sorted.published.len() as u64);
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> OutgoingMessage {
        OutgoingMessage {
            message_id: Uuid::now_v7(),
            exchange: "zoetrope.events".to_owned(),
            routing_key: "task.updated".to_owned(),
            message_type: "zoetrope.tasks.v1.TaskUpdated".to_owned(),
            mandatory: true,
            traceparent: None,
            payload: Vec::new(),
        }
    }

    #[test]
    fn only_an_outage_gives_a_lease_back() {
        let messages = [message(), message(), message(), message()];
        let results = vec![Ok(()), Err(PublishError::Unroutable), Err(PublishError::Disconnected), Err(PublishError::Refused)];
        let sorted = Sorted::new(&messages, results);
        assert_eq!(sorted.published, [messages[0].message_id]);
        assert_eq!(sorted.waiting, [messages[2].message_id]);
        assert_eq!(sorted.outage, Some(PublishError::Disconnected));
    }
}
