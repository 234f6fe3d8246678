//! How many processes share the work. Each says in the table that it is there; so each knows its share of what a provider bears.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zoetrope_postgres::Database;

use crate::{error::StoreError, store};

const INTERVAL: Duration = Duration::from_secs(5);
/// A process that was silent for so long does not count.
const SILENCE: Duration = Duration::from_secs(16);

/// The number of processes, this one included.
#[derive(Debug, Clone)]
pub(crate) struct Replicas(Arc<AtomicUsize>);

impl Replicas {
    /// One, until the others were counted.
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicUsize::new(1)))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed).max(1)
    }

    /// This process's part of something that all share, at least one.
    pub(crate) fn share_of(&self, whole: usize) -> usize {
        whole.div_ceil(self.count()).max(1)
    }
}

/// Reports and counts until the process stops, and tells `counted` of each count.
pub(crate) async fn run(
    replicas: Replicas,
    database: Database,
    stopping: CancellationToken,
    counted: impl Fn(usize) + Send,
) -> anyhow::Result<()> {
    let id = Uuid::new_v4();
    while !stopping.is_cancelled() {
        match report(&database, id).await {
            Ok(count) => {
                if replicas.0.swap(count, Ordering::Relaxed) != count {
                    tracing::info!(replicas = count, "the number of replicas changed");
                }
                metrics::gauge!("zoetrope_poller_replicas").set(u32::try_from(count).unwrap_or(u32::MAX));
                counted(count);
            }
            // The last count stands meanwhile.
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "replicas were not counted"),
        }
        stopping.run_until_cancelled(sleep(INTERVAL)).await;
    }
    if let Err(error) = sign_off(&database, id).await {
        tracing::debug!(error = &error as &dyn std::error::Error, "the others will find out that this process is gone");
    }
    Ok(())
}

async fn report(database: &Database, id: Uuid) -> Result<usize, StoreError> {
    Ok(store::report_replica(&mut *database.connection().await?, id, SILENCE).await?)
}

async fn sign_off(database: &Database, id: Uuid) -> Result<(), StoreError> {
    Ok(store::sign_off(&mut *database.connection().await?, id).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_the_whole_and_are_never_nothing() {
        let replicas = Replicas(Arc::new(AtomicUsize::new(3)));
        assert_eq!((replicas.share_of(8), replicas.share_of(9), replicas.share_of(1)), (3, 3, 1));
        assert_eq!(Replicas::new().share_of(8), 8);
    }
}
