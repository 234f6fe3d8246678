//! Forgets idempotency keys whose time is over.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use zoetrope_postgres::{Database, DatabaseError};

use crate::store::idempotency;

const EVERY: Duration = Duration::from_secs(60 * 60);

/// Sweeps until the process stops. Any number of replicas may do so.
pub async fn run(database: Database, stopping: CancellationToken) -> anyhow::Result<()> {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        match sweep(&database).await {
            Ok(forgotten) => tracing::debug!(forgotten, "idempotency keys forgotten"),
            // The next sweep makes up for it; until then an old key is replaced when it is used.
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "idempotency keys were not swept"),
        }
    }
    Ok(())
}

async fn sweep(database: &Database) -> Result<usize, DatabaseError> {
    let mut connection = database.connection().await?;
    Ok(idempotency::forget_old(&mut connection).await?)
}
