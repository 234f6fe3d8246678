use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use zoetrope_domain::backoff;

use super::{Rhythm, alarm::Alarm};
use crate::{
    error::StoreError,
    job::{State, Work},
    store::{self, Claimed, LaneKey},
    work::{Account, Worker},
};

/// Jobs that are due almost at the same time are claimed together: a lane does not look more often than this.
const MIN_SLEEP: Duration = Duration::from_millis(20);
/// Waits after a claim that failed.
const MIN_RETRY: Duration = Duration::from_millis(200);
const MAX_RETRY: Duration = Duration::from_secs(5);

/// One kind of work of one provider, or all of it of the providers that are not known here.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) key: LaneKey,
    /// Provider and work, unless this is the lane of all others.
    pub(super) target: Option<(String, Work)>,
    pub(super) account: Arc<Account>,
    /// Jobs that are worked on at the same time.
    pub(super) size: usize,
}

impl Lane {
    /// Works until the process stops, and then until the work in hand is done or handed back.
    pub(super) async fn run(&self, worker: Arc<Worker>, rhythm: Rhythm, stopping: CancellationToken) {
        let permits = Arc::new(Semaphore::new(self.size));
        let alarm = self.alarm(&worker);
        let mut failures = 0;
        while let Some(Some(free)) = stopping.run_until_cancelled(free_permits(&permits)).await {
            let sleep = match self.take(&worker, free).await {
                Ok(Taken::All) => {
                    failures = 0;
                    continue;
                }
                Ok(Taken::UntilNext(wait)) => {
                    failures = 0;
                    wait.unwrap_or(rhythm.sweep).clamp(MIN_SLEEP, rhythm.sweep.max(MIN_SLEEP))
                }
                Err(error) => {
                    if failures == 0 {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(lane = self.name, error, "due jobs cannot be claimed; trying again until it works");
                    }
                    failures += 1;
                    // Nothing can ring while the database is away that would help, so this sleep is not to be disturbed.
                    let wait = backoff::exponential(failures - 1, MIN_RETRY, MAX_RETRY, rand::random());
                    stopping.run_until_cancelled(tokio::time::sleep(wait)).await;
                    continue;
                }
            };
            stopping.run_until_cancelled(alarm.sleep_until(Instant::now() + sleep)).await;
        }
        self.drain(&worker, &permits, rhythm.drain).await;
    }

    fn alarm<'a>(&self, worker: &'a Worker) -> &'a Alarm {
        match &self.target {
            Some((provider, work)) => worker.alarms.of(provider, *work),
            None => worker.alarms.of_others(),
        }
    }

    /// Claims as many jobs as there are free permits, and starts on them.
    async fn take(&self, worker: &Arc<Worker>, mut free: OwnedSemaphorePermit) -> Result<Taken, StoreError> {
        let limit = free.num_permits();
        let claimed_at = Instant::now();
        let mut conn = worker.database.connection().await?;
        let claimed = store::claim(&mut conn, &self.key, limit, worker.lease).await?;
        let all = claimed.len() == limit;
        for claimed in claimed {
            match (claimed, free.split(1)) {
                (Ok(claimed), Some(permit)) => self.start(worker, claimed, claimed_at, permit),
                (Err(error), _) => tracing::error!(lane = self.name, error = %error, "a job cannot be worked on"),
                // There are not more jobs than permits.
                (Ok(_), None) => {}
            }
        }
        if all { Ok(Taken::All) } else { Ok(Taken::UntilNext(store::next_due(&mut conn, &self.key).await?)) }
    }

    fn start(&self, worker: &Arc<Worker>, claimed: Claimed, claimed_at: Instant, permit: OwnedSemaphorePermit) {
        if claimed.job.state == State::Polling {
            metrics::histogram!("zoetrope_poller_poll_lateness_seconds").record(claimed.lateness.as_secs_f64());
        }
        let (worker, account) = (Arc::clone(worker), Arc::clone(&self.account));
        zoetrope_service::spawn("job", async move {
            worker.work(&account, claimed, claimed_at).await;
            drop(permit);
        });
    }

    /// Waits for the work in hand; what takes too long is cut off and hands its job back.
    async fn drain(&self, worker: &Worker, permits: &Semaphore, patience: Duration) {
        let size = u32::try_from(self.size).unwrap_or(u32::MAX);
        if timeout(patience, permits.acquire_many(size)).await.is_err() {
            tracing::info!(lane = self.name, "work in hand takes too long and is handed back");
            worker.cutoff.cancel();
            let _ = permits.acquire_many(size).await;
        }
    }
}

enum Taken {
    /// As many as could be; there may be more.
    All,
    /// All that were due; the next one is, after this time.
    UntilNext(Option<Duration>),
}

/// All permits that are free, but at least one. `None` once the semaphore is closed, which it never is.
async fn free_permits(permits: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let mut first = Arc::clone(permits).acquire_owned().await.ok()?;
    let more = u32::try_from(permits.available_permits()).unwrap_or(u32::MAX);
    if let Ok(rest) = Arc::clone(permits).try_acquire_many_owned(more) {
        first.merge(rest);
    }
    Some(first)
}
