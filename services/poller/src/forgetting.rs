//! Forgets jobs that ended long ago.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use zoetrope_postgres::Database;

use crate::{error::StoreError, store};

const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// Small enough that no statement holds its locks for long.
const BATCH: u16 = 1_000;
const PAUSE: Duration = Duration::from_millis(100);

/// Sweeps until the process stops. Any number of replicas may do so.
pub(crate) async fn run(database: Database, keep_days: u16, stopping: CancellationToken) -> anyhow::Result<()> {
    let sweeps = async {
        loop {
            match sweep(&database, keep_days).await {
                Ok(forgotten) => tracing::debug!(forgotten, "old jobs forgotten"),
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "old jobs were not forgotten this time"),
            }
            // Replicas that were started together do not sweep together for ever.
            sleep(INTERVAL.mul_f64(0.5 + rand::random::<f64>())).await;
        }
    };
    stopping.run_until_cancelled(sweeps).await;
    Ok(())
}

async fn sweep(database: &Database, keep_days: u16) -> Result<usize, StoreError> {
    let mut forgotten = 0;
    loop {
        let batch = store::forget(&mut *database.connection().await?, keep_days, BATCH.into()).await?;
        forgotten += batch;
        if batch < usize::from(BATCH) {
            return Ok(forgotten);
        }
        sleep(PAUSE).await;
    }
}
