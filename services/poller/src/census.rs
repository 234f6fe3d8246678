use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use zoetrope_postgres::Database;

use crate::{error::StoreError, job::State, store};

const INTERVAL: Duration = Duration::from_secs(15);

/// Keeps the gauge `zoetrope_poller_jobs{state}`: the live jobs of all replicas, which each of them reports alike.
pub(crate) async fn run(database: Database, stopping: CancellationToken) -> anyhow::Result<()> {
    while !stopping.is_cancelled() {
        if let Err(error) = take(&database).await {
            // Readiness tells that Postgres is away; the old numbers stand meanwhile.
            tracing::debug!(error = &error as &dyn std::error::Error, "jobs were not counted");
        }
        stopping.run_until_cancelled(sleep(INTERVAL)).await;
    }
    Ok(())
}

async fn take(database: &Database) -> Result<(), StoreError> {
    let mut conn = database.connection().await?;
    let counts = store::census(&mut conn).await?;
    for state in State::ALL.into_iter().filter(|state| state.work().is_some()) {
        let count = counts.get(state.as_str()).copied().unwrap_or_default();
        // Exact up to 2^53 jobs.
        #[expect(clippy::cast_precision_loss)]
        metrics::gauge!("zoetrope_poller_jobs", "state" => state.as_str()).set(count as f64);
    }
    Ok(())
}
