use std::time::Duration;

use metrics::gauge;
use tokio::time::sleep;
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::Process;

use crate::store;

const MEASURE_INTERVAL: Duration = Duration::from_secs(10);

/// Shows what waits in the outbox until the process stops.
pub(crate) fn start_measuring(process: &Process, database: Database) {
    let stopping = process.stopping();
    process.spawn("outbox-measuring", async move {
        let measuring = async {
            loop {
                // A failure is of no consequence: there is a next time.
                if let Err(error) = measure(&database).await {
                    tracing::debug!(%error, "the outbox was not measured");
                }
                sleep(MEASURE_INTERVAL).await;
            }
        };
        stopping.run_until_cancelled(measuring).await;
        Ok(())
    });
}

async fn measure(database: &Database) -> Result<(), DatabaseError> {
    let backlog = store::backlog(&mut *database.connection().await?).await?;
    gauge!("zoetrope_outbox_pending").set(backlog.pending as f64);
    gauge!("zoetrope_outbox_oldest_seconds").set(backlog.oldest_seconds);
    Ok(())
}
