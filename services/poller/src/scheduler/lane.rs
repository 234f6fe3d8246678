use std::{sync::Arc, time::Duration};

use tokio::{sync::OwnedSemaphorePermit, time::Instant};
use tokio_util::sync::CancellationToken;
use zoetrope_domain::backoff;

use super::{
    Rhythm,
    hands::{Hands, free_permits},
};
use crate::{
    error::StoreError,
    gate::Leave,
    job::Work,
    replicas::Replicas,
    store::{self, Claims, LaneKey},
    work::{Account, Footing, Worker},
};

/// Jobs that are due almost at the same time are claimed together: a lane does not look more often than this.
const MIN_SLEEP: Duration = Duration::from_millis(20);
/// Sleep of a lane whose due jobs cannot be claimed: others are about to, or the account has no room for them.
const BLOCKED_SLEEP: Duration = Duration::from_millis(200);
/// Waits after a claim that failed.
const MIN_RETRY: Duration = Duration::from_millis(200);
const MAX_RETRY: Duration = Duration::from_secs(5);

/// One kind of work of one provider.
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) key: LaneKey,
    pub(super) account: Arc<Account>,
    pub(super) replicas: Replicas,
    /// Jobs that are worked on at the same time.
    pub(super) size: usize,
}

/// How a look for due jobs ended.
enum Look {
    /// The provider may not be asked before this time has passed.
    Closed(Duration),
    /// As many as could be; there may be more.
    Full,
    /// All that were due, and there were some: the next ones will soon be.
    Some,
    /// Nothing for so long; `None`: no job at all.
    Nothing(Option<Duration>),
    /// There are due jobs, but not for us.
    Blocked,
}

impl Lane {
    /// Works until the process stops, and then until the work in hand is done or handed back.
    pub(super) async fn run(&self, worker: Arc<Worker>, rhythm: Rhythm, stopping: CancellationToken) {
        let hands = Hands::new(self.name.clone(), self.size);
        let alarm = worker.alarms.of(&self.key.provider, self.key.work);
        let mut failures = 0;
        while let Some(Some(free)) = stopping.run_until_cancelled(free_permits(&hands.permits)).await {
            let sleep = match self.look(&worker, &hands, free).await {
                Ok(Look::Full) => Duration::ZERO,
                Ok(Look::Some) => MIN_SLEEP,
                Ok(Look::Nothing(wait)) => wait.unwrap_or(rhythm.sweep).clamp(MIN_SLEEP, rhythm.sweep.max(MIN_SLEEP)),
                Ok(Look::Blocked) => BLOCKED_SLEEP,
                Ok(Look::Closed(wait)) => {
                    // No alarm opens the gate.
                    stopping.run_until_cancelled(tokio::time::sleep(wait.clamp(MIN_SLEEP, rhythm.sweep.max(MIN_SLEEP)))).await;
                    Duration::ZERO
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
            failures = 0;
            if sleep > Duration::ZERO {
                stopping.run_until_cancelled(alarm.sleep_until(Instant::now() + sleep)).await;
            }
        }
        hands.drain(&worker, rhythm.drain).await;
    }

    /// Claims as many jobs as there are free permits and leave for, and starts on them.
    async fn look(&self, worker: &Arc<Worker>, hands: &Hands, free: OwnedSemaphorePermit) -> Result<Look, StoreError> {
        let wanted = self.limit(free.num_permits());
        if wanted == 0 {
            return Ok(Look::Blocked);
        }
        let Some(provider) = &self.account.provider else { return Ok(Look::Nothing(None)) };
        let limit = match provider.gate().take(wanted).await {
            Leave::Granted(limit) => limit,
            Leave::NotBefore(wait) => {
                self.end_overdue(worker, hands, free).await?;
                return Ok(Look::Closed(wait));
            }
        };
        let claimed_at = Instant::now();
        let claims = self.claim(worker, limit).await;
        let claimed = claims.as_ref().map_or(0, Vec::len);
        provider.gate().give_back(limit - claimed).await;
        hands.start(worker, &self.account, claims?, claimed_at, free, Footing::Ask);
        if claimed == limit {
            return Ok(Look::Full);
        }
        if claimed > 0 {
            return Ok(Look::Some);
        }
        let next = store::next_due(&mut *worker.database.connection().await?, &self.key).await?;
        Ok(if next == Some(Duration::ZERO) { Look::Blocked } else { Look::Nothing(next) })
    }

    /// Ends jobs whose time is over while their provider cannot be asked; now and then, since their users have waited long by then.
    async fn end_overdue(&self, worker: &Arc<Worker>, hands: &Hands, free: OwnedSemaphorePermit) -> Result<(), StoreError> {
        if !hands.overdue_is_due() {
            return Ok(());
        }
        let (claimed_at, policy) = (Instant::now(), self.account.strictest_policy());
        let mut conn = worker.database.connection().await?;
        let claims = store::claim_overdue(&mut conn, &self.key, &policy, free.num_permits(), worker.lease).await?;
        hands.start(worker, &self.account, claims, claimed_at, free, Footing::DoNotAsk);
        Ok(())
    }

    /// Submissions are few and all replicas share them, so none takes more than its part.
    fn limit(&self, free: usize) -> usize {
        match self.key.work {
            Work::Submit => self.replicas.share_of(self.size).saturating_sub(self.size - free),
            Work::Follow | Work::Archive => free,
        }
    }

    async fn claim(&self, worker: &Worker, limit: usize) -> Result<Claims, StoreError> {
        match self.key.work {
            Work::Submit => {
                let (key, capacity, lease) = (&self.key, self.account.capacity, worker.lease);
                let claim = async |conn: &mut _| Ok(store::claim_submissions(conn, key, capacity, limit, lease).await?);
                worker.database.transaction("claim_submissions", claim).await
            }
            Work::Follow | Work::Archive => {
                let mut conn = worker.database.connection().await?;
                Ok(store::claim(&mut conn, &self.key, limit, worker.lease).await?)
            }
        }
    }
}
