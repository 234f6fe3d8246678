use std::{future::Future, time::Duration};

use metrics::gauge;
use tokio::time::sleep;
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::Process;

use crate::{inbox::KEPT_DAYS, store};

const MEASURE_INTERVAL: Duration = Duration::from_secs(10);
const PRUNE_INTERVAL: Duration = Duration::from_secs(10 * 60);
/// Small enough that no statement holds its locks for long.
const PRUNE_BATCH: i64 = 1_000;

pub(crate) fn start_measuring(process: &Process, database: Database) {
    repeat(process, "outbox-measuring", MEASURE_INTERVAL, move || measure(database.clone()));
}

pub(crate) fn start_pruning(process: &Process, database: Database) {
    repeat(process, "inbox-pruning", PRUNE_INTERVAL, move || prune(database.clone()));
}

/// Runs a job now and then until the process stops. A failure is of no consequence: there is a next time.
fn repeat<F>(process: &Process, name: &'static str, interval: Duration, job: impl Fn() -> F + Send + Sync + 'static)
where
    F: Future<Output = Result<(), DatabaseError>> + Send,
{
    let stopping = process.stopping();
    process.spawn(name, async move {
        let jobs = async {
            loop {
                if let Err(error) = job().await {
                    tracing::debug!(task = name, %error, "not this time");
                }
                sleep(interval).await;
            }
        };
        stopping.run_until_cancelled(jobs).await;
        Ok(())
    });
}

async fn measure(database: Database) -> Result<(), DatabaseError> {
    let backlog = store::backlog(&mut *database.connection().await?).await?;
    gauge!("zoetrope_outbox_pending").set(backlog.pending as f64);
    gauge!("zoetrope_outbox_oldest_seconds").set(backlog.oldest_seconds);
    Ok(())
}

async fn prune(database: Database) -> Result<(), DatabaseError> {
    let mut connection = database.connection().await?;
    while store::prune(&mut connection, KEPT_DAYS.into(), PRUNE_BATCH).await? >= PRUNE_BATCH.unsigned_abs() as usize {}
    Ok(())
}
