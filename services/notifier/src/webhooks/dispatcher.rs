use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use zoetrope_domain::backoff;
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::trace;

use super::{Attempt, Next, Outcome, WebhookSettings, announce::announce_disabled, metrics, sender::Sender};
use crate::{
    outage::Outage,
    store::webhooks::{
        endpoints,
        work::{self, Claimed},
    },
};

/// Messages that become due almost at the same time are claimed together.
const MIN_SLEEP: Duration = Duration::from_millis(20);
/// After a claim that failed.
const MIN_RETRY: Duration = Duration::from_millis(200);
const MAX_RETRY: Duration = Duration::from_secs(5);
/// What a lease lasts beyond an attempt, so that what came of it can be written down.
const LEASE_MARGIN: Duration = Duration::from_secs(10);
/// For attempts on their way when the process ends. What takes longer is tried again when its lease has ended.
const DRAIN: Duration = Duration::from_secs(15);

/// Claims due messages and makes an attempt of each.
pub struct Dispatcher {
    worker: Arc<Worker>,
    permits: Arc<Semaphore>,
    size: u16,
}

struct Worker {
    database: Database,
    sender: Sender,
    settings: Arc<WebhookSettings>,
    lease: Duration,
    /// Tells of messages that may have become due, or may be claimed now.
    work: Arc<Notify>,
}

impl Dispatcher {
    pub fn new(database: Database, sender: Sender, settings: Arc<WebhookSettings>, work: Arc<Notify>) -> Self {
        let size = settings.concurrency.get();
        let lease = settings.timeout + LEASE_MARGIN;
        let worker = Arc::new(Worker { database, sender, settings, lease, work });
        Self { worker, permits: Arc::new(Semaphore::new(size.into())), size }
    }

    /// Works until the process stops, and then until the attempts on their way have ended.
    pub async fn run(self, stopping: CancellationToken) -> anyhow::Result<()> {
        let mut outage = Outage::new("claim webhook deliveries");
        let mut failures = 0;
        while let Some(Some(free)) = stopping.run_until_cancelled(self.free_permits()).await {
            let began = Instant::now();
            let pause = match self.look(free).await {
                Ok(pause) => {
                    outage.worked();
                    failures = 0;
                    let took = began.elapsed();
                    let rest = timeout(pause, self.worker.work.notified());
                    stopping.run_until_cancelled(rest).await;
                    // A claim looks at each endpoint for which anything waits, due or not: ten thousand of them take 50 ms. Postgres has
                    // more to do.
                    MIN_SLEEP.max(took)
                }
                Err(error) => {
                    outage.failed(&error);
                    failures += 1;
                    backoff::exponential(failures - 1, MIN_RETRY, MAX_RETRY, rand::random())
                }
            };
            stopping.run_until_cancelled(sleep(pause)).await;
        }
        if timeout(DRAIN, self.permits.acquire_many(self.size.into())).await.is_err() {
            tracing::info!("webhook attempts on their way take too long; they are made again elsewhere");
        }
        Ok(())
    }

    /// All permits that are free, but at least one. `None` once the semaphore is closed, which it never is.
    async fn free_permits(&self) -> Option<OwnedSemaphorePermit> {
        let mut first = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        let more = u32::try_from(self.permits.available_permits()).unwrap_or(u32::MAX);
        if let Ok(rest) = Arc::clone(&self.permits).try_acquire_many_owned(more) {
            first.merge(rest);
        }
        Some(first)
    }

    /// Claims as many messages as there are free permits, and starts on them. Tells how long nothing more will be due.
    async fn look(&self, mut free: OwnedSemaphorePermit) -> Result<Duration, DatabaseError> {
        let (worker, wanted) = (&self.worker, free.num_permits());
        let claimed_at = Instant::now();
        let mut connection = worker.database.connection().await?;
        let of_a_lane = worker.settings.endpoint_concurrency.get();
        let claims = work::claim(&mut connection, wanted, of_a_lane, worker.lease).await?;
        let is_full = claims.len() == wanted;
        for claimed in claims {
            // There are not more messages than permits.
            if let Some(permit) = free.split(1) {
                zoetrope_service::spawn("webhook", Arc::clone(worker).deliver(claimed, claimed_at, permit));
            }
        }
        if is_full {
            return Ok(Duration::ZERO);
        }
        let sweep = worker.settings.sweep;
        Ok(work::next_due(&mut connection).await?.map_or(sweep, |wait| wait.min(sweep)))
    }
}

impl Worker {
    async fn deliver(self: Arc<Self>, claimed: Claimed, claimed_at: Instant, permit: OwnedSemaphorePermit) {
        let span = tracing::info_span!(
            "webhook", otel.name = "webhook.deliver", otel.kind = "client", delivery_id = %claimed.id, user_id = %claimed.user_id,
            event = claimed.message.event.as_str(),
        );
        trace::continue_from(&span, claimed.traceparent.as_deref());
        self.attempt(&claimed, claimed_at + self.lease).instrument(span).await;
        drop(permit);
        // Another message of this lane, or of any, may be claimed.
        self.work.notify_one();
    }

    async fn attempt(&self, claimed: &Claimed, lease_end: Instant) {
        let made = match &claimed.target {
            Some(target) => {
                let (attempt, outcome) = self.sender.send(claimed.id, &claimed.message, &target.url, &target.secrets).await;
                metrics::attempted(outcome, attempt.duration);
                let (status, error) = (attempt.status, attempt.error.as_deref());
                tracing::debug!(outcome = outcome.as_str(), status, error, tries = claimed.tries + 1, "webhook attempt");
                Some((attempt, outcome))
            }
            None => None,
        };
        self.settle(claimed, made.as_ref(), lease_end).await;
    }

    /// Tries until it works or the lease ends; then the message is tried again, and its receiver knows it by its id.
    async fn settle(&self, claimed: &Claimed, made: Option<&(Attempt, Outcome)>, lease_end: Instant) {
        let mut failures = 0;
        loop {
            match timeout_at(lease_end, self.write_down(claimed, made)).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) if error.is_unavailable() => {
                    sleep(backoff::exponential(failures, MIN_RETRY, MAX_RETRY, rand::random())).await;
                    failures += 1;
                }
                Ok(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "what came of a webhook attempt cannot be written down");
                    return;
                }
                Err(_) => {
                    tracing::warn!("what came of a webhook attempt was not written down; it is made again");
                    return;
                }
            }
        }
    }

    async fn write_down(&self, claimed: &Claimed, made: Option<&(Attempt, Outcome)>) -> Result<(), DatabaseError> {
        let Some((attempt, outcome)) = made else {
            return work::give_up(&mut *self.database.connection().await?, claimed).await;
        };
        let next = outcome.next(claimed.tries + 1, &self.settings.schedule, rand::random());
        let patience = self.settings.disable_after();
        let body = async |connection: &mut _| record(connection, claimed, attempt, *outcome, next, patience).await;
        self.database.transaction("webhook_attempt", body).await
    }
}

/// The endpoint comes first and the message after it, as everywhere: two of its attempts that end together wait for each other, and never in
/// a circle.
async fn record(
    connection: &mut zoetrope_postgres::Connection,
    claimed: &Claimed,
    attempt: &Attempt,
    outcome: Outcome,
    next: Next,
    patience: Duration,
) -> Result<(), DatabaseError> {
    let dead = match (claimed.endpoint, &claimed.target) {
        (Some(endpoint), _) if outcome == Outcome::Delivered => {
            work::note_success(connection, endpoint).await?;
            None
        }
        // Our own fault.
        (Some(_), _) if outcome == Outcome::Unreadable => None,
        (Some(endpoint), Some(target)) => {
            let failing_for = work::note_failure(connection, endpoint, &target.url).await?;
            let reason = failing_for.and_then(|failing_for| outcome.disables(failing_for, patience));
            reason.map(|reason| (endpoint, &target.url, reason))
        }
        (None, _) | (_, None) => None,
    };
    if !work::record(connection, claimed, attempt, next).await? {
        tracing::warn!("the lease of a webhook delivery was lost; it is made again");
    }
    if let Some((endpoint, url, reason)) = dead {
        work::disable(connection, endpoint, reason).await?;
        endpoints::give_up_pending(connection, endpoint).await?;
        announce_disabled(connection, claimed, endpoint, url, reason).await?;
    }
    Ok(())
}
