use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use crate::{
    job::State,
    store::{Claimed, Claims},
    work::{Account, Footing, Worker},
};

/// Time between two looks for jobs whose time is over, while the provider cannot be asked.
const OVERDUE_INTERVAL: Duration = Duration::from_secs(10);

/// The jobs that a lane has in hand, each in a task of its own.
pub(super) struct Hands {
    lane: String,
    size: usize,
    pub(super) permits: Arc<Semaphore>,
    overdue_at: Mutex<Instant>,
}

impl Hands {
    pub(super) fn new(lane: String, size: usize) -> Self {
        Self { lane, size, permits: Arc::new(Semaphore::new(size)), overdue_at: Mutex::new(Instant::now()) }
    }

    /// Whether it is time to look for jobs whose time is over; then not again for a while.
    pub(super) fn overdue_is_due(&self) -> bool {
        let now = Instant::now();
        let mut at = self.overdue_at.lock().unwrap_or_else(PoisonError::into_inner);
        let due = *at <= now;
        if due {
            *at = now + OVERDUE_INTERVAL;
        }
        due
    }

    /// Starts on claimed jobs. `claimed_at` is a moment before the claim.
    pub(super) fn start(
        &self,
        worker: &Arc<Worker>,
        account: &Arc<Account>,
        claims: Claims,
        claimed_at: Instant,
        mut free: OwnedSemaphorePermit,
        footing: Footing,
    ) {
        for claimed in claims {
            match (claimed, free.split(1)) {
                (Ok(claimed), Some(permit)) => start(worker, account, claimed, claimed_at, permit, footing),
                (Err(error), _) => tracing::error!(lane = self.lane, error = %error, "a job cannot be worked on"),
                // There are not more jobs than permits.
                (Ok(_), None) => {}
            }
        }
    }

    /// Waits for the work in hand; what takes too long is cut off and hands its job back.
    pub(super) async fn drain(&self, worker: &Worker, patience: Duration) {
        let size = u32::try_from(self.size).unwrap_or(u32::MAX);
        if timeout(patience, self.permits.acquire_many(size)).await.is_err() {
            tracing::info!(lane = self.lane, "work in hand takes too long and is handed back");
            worker.cutoff.cancel();
            let _ = self.permits.acquire_many(size).await;
        }
    }
}

fn start(
    worker: &Arc<Worker>,
    account: &Arc<Account>,
    claimed: Claimed,
    claimed_at: Instant,
    permit: OwnedSemaphorePermit,
    footing: Footing,
) {
    let (worker, account) = (Arc::clone(worker), Arc::clone(account));
    zoetrope_service::spawn("job", async move {
        if claimed.job.state == State::Polling {
            let lateness = claimed.lateness + claimed_at.elapsed();
            metrics::histogram!("zoetrope_poller_poll_lateness_seconds").record(lateness.as_secs_f64());
        }
        worker.work(&account, claimed, claimed_at, footing).await;
        drop(permit);
    });
}

/// All permits that are free, but at least one. `None` once the semaphore is closed, which it never is.
pub(super) async fn free_permits(permits: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let mut first = Arc::clone(permits).acquire_owned().await.ok()?;
    let more = u32::try_from(permits.available_permits()).unwrap_or(u32::MAX);
    if let Ok(rest) = Arc::clone(permits).try_acquire_many_owned(more) {
        first.merge(rest);
    }
    Some(first)
}
