use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Rhythm,
    hands::{Hands, free_permits},
};
use crate::{
    error::StoreError,
    job::Work,
    store::{self, LaneKey},
    work::{Account, Footing, Worker},
};

/// The jobs of providers that are not configured here, any more or yet: they end, rather than wait for ever.
pub(super) struct Strangers {
    pub(super) known: Vec<String>,
    pub(super) account: Arc<Account>,
    pub(super) size: usize,
}

impl Strangers {
    /// Looks for them now and then until the process stops.
    pub(super) async fn run(&self, worker: Arc<Worker>, rhythm: Rhythm, stopping: CancellationToken) {
        let hands = Hands::new("others".to_owned(), self.size);
        let alarm = worker.alarms.of_others();
        let mut away = false;
        while !stopping.is_cancelled() {
            let sleep = match self.look(&worker, &hands).await {
                Ok(true) => Duration::ZERO,
                Ok(false) => rhythm.sweep,
                Err(error) => {
                    if !away {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "jobs of unknown providers cannot be claimed; trying again until it works");
                    }
                    away = true;
                    stopping.run_until_cancelled(tokio::time::sleep(rhythm.sweep)).await;
                    continue;
                }
            };
            away = false;
            stopping.run_until_cancelled(alarm.sleep_until(Instant::now() + sleep)).await;
        }
        hands.drain(&worker, rhythm.drain).await;
    }

    /// True when there may be more.
    async fn look(&self, worker: &Arc<Worker>, hands: &Hands) -> Result<bool, StoreError> {
        let mut more = false;
        for work in Work::ALL {
            for provider in store::strangers(&mut *worker.database.connection().await?, &self.known, work).await? {
                let Some(free) = free_permits(&hands.permits).await else { return Ok(false) };
                let (limit, claimed_at) = (free.num_permits(), Instant::now());
                let mut conn = worker.database.connection().await?;
                let claims = store::claim(&mut conn, &LaneKey::new(&provider, work), limit, worker.lease).await?;
                more |= claims.len() == limit;
                hands.start(worker, &self.account, claims, claimed_at, free, Footing::DoNotAsk);
            }
        }
        Ok(more)
    }
}
