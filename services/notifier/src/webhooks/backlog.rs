use std::{error::Error, time::Duration};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use zoetrope_postgres::{Database, DatabaseError};

use super::metrics;
use crate::store::webhooks::work;

const INTERVAL: Duration = Duration::from_secs(15);

/// Keeps the figures of what waits, which each replica reports alike.
pub async fn run(database: Database, stopping: CancellationToken) -> anyhow::Result<()> {
    while !stopping.is_cancelled() {
        if let Err(error) = take(&database).await {
            // The dispatcher tells that Postgres is away; the old figures stand meanwhile.
            tracing::debug!(error = &error as &dyn Error, "webhook deliveries were not counted");
        }
        stopping.run_until_cancelled(sleep(INTERVAL)).await;
    }
    Ok(())
}

async fn take(database: &Database) -> Result<(), DatabaseError> {
    let backlog = work::backlog(&mut *database.connection().await?).await?;
    metrics::backlog(backlog.pending.max(0).unsigned_abs(), backlog.overdue_seconds);
    Ok(())
}
