use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;
use zoetrope_domain::TaskId;
use zoetrope_postgres::Database;

use super::Worker;
use crate::{
    error::StoreError,
    scheduler::Cutoff,
    store::{self, Claimed},
};

/// Renewals in the length of a lease: two may fail before it is lost.
const RENEWALS: u32 = 3;
/// The part of a lease that counts on our clock, which may be slower than the database's.
const TRUSTED: f64 = 0.9;

/// Our hold on a job, renewed for as long as the work takes.
pub(super) struct Lease<'a> {
    database: &'a Database,
    cutoff: &'a Cutoff,
    task_id: TaskId,
    token: Uuid,
    length: Duration,
    claimed_at: Instant,
}

/// Why work was not finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// Somebody else has the job now, or it was cancelled.
    Lost,
    /// The process stops.
    Stopping,
}

impl<'a> Lease<'a> {
    pub(super) fn new(worker: &'a Worker, claimed: &Claimed, claimed_at: Instant) -> Self {
        Self {
            database: &worker.database,
            cutoff: &worker.cutoff,
            task_id: claimed.task_id,
            token: claimed.token,
            length: worker.lease,
            claimed_at,
        }
    }

    /// Does work that is cut off when the lease is lost.
    pub(super) async fn hold<T>(&self, work: impl Future<Output = T>) -> Result<T, Cut> {
        tokio::select! {
            result = work => Ok(result),
            () = self.keep() => Err(Cut::Lost),
            () = self.cutoff.cancelled() => Err(Cut::Stopping),
        }
    }

    /// Does work that goes on without a lease, because nobody else can learn what comes of it.
    pub(super) async fn accompany<T>(&self, work: impl Future<Output = T>) -> Result<T, Cut> {
        let keep = async {
            self.keep().await;
            std::future::pending().await
        };
        tokio::select! {
            result = work => Ok(result),
            () = self.cutoff.cancelled() => Err(Cut::Stopping),
            () = keep => Err(Cut::Lost),
        }
    }

    /// Gives the job back before its time.
    pub(super) async fn release(&self) {
        let released: Result<(), StoreError> = async {
            let mut conn = self.database.connection().await?;
            Ok(store::release(&mut conn, self.task_id, self.token).await?)
        }
        .await;
        if let Err(error) = released {
            tracing::warn!(error = &error as &dyn std::error::Error, "the job was not handed back; its lease will end");
        }
    }

    /// Renews the lease until it is lost.
    async fn keep(&self) {
        let trusted = self.length.mul_f64(TRUSTED);
        let mut end = self.claimed_at + trusted;
        loop {
            sleep(self.length / RENEWALS).await;
            let asked_at = Instant::now();
            match timeout_at(end, self.renew()).await {
                Ok(Ok(true)) => end = asked_at + trusted,
                Ok(Ok(false)) | Err(_) => return,
                Ok(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "the lease of a job was not renewed");
                }
            }
        }
    }

    async fn renew(&self) -> Result<bool, StoreError> {
        let mut conn = self.database.connection().await?;
        Ok(store::renew(&mut conn, self.task_id, self.token, self.length).await?)
    }
}
