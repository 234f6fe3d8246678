//! Tables that would grow for ever are pruned: old rows are deleted, a small batch at a time.

use std::{error::Error, future::Future, pin::Pin, time::Duration};

use diesel::QueryResult;
use metrics::counter;
use rand::random_range;
use tokio::time::sleep;
use zoetrope_service::Process;

use crate::{Connection, Database, DatabaseError};

/// Most rows that one statement deletes: few enough that it is done in some milliseconds.
pub const PRUNE_BATCH: i64 = 1_000;
/// The first sweep of a process comes within this time.
const FIRST_WITHIN: Duration = Duration::from_secs(10);
/// Leaves the server to others.
const BETWEEN_BATCHES: Duration = Duration::from_millis(20);

/// One statement that deletes up to [`PRUNE_BATCH`] old rows, and tells how many there were. It must skip rows that another has locked.
pub type Pruning<'c> = Pin<Box<dyn Future<Output = QueryResult<usize>> + Send + 'c>>;

impl Database {
    /// Prunes a table now and then until the process stops. Any number of replicas may do so: their sweeps begin at different times, and
    /// two that meet share the work. `table` labels the metric `zoetrope_pruned_rows_total`.
    pub fn keep_pruned<F>(&self, process: &Process, table: &'static str, every: Duration, delete: F)
    where
        F: for<'c> Fn(&'c mut Connection) -> Pruning<'c> + Send + Sync + 'static,
    {
        let database = self.clone();
        let stopping = process.stopping();
        process.spawn("pruning", async move {
            let sweeps = async {
                sleep(FIRST_WITHIN.min(every).mul_f64(random_range(0.0..1.0))).await;
                loop {
                    if let Err(error) = sweep(&database, table, &delete).await {
                        // The next sweep makes up for it.
                        tracing::warn!(table, error = &error as &dyn Error, "old rows were not deleted");
                    }
                    sleep(every.mul_f64(random_range(0.8..1.2))).await;
                }
            };
            stopping.run_until_cancelled(sweeps).await;
            Ok(())
        });
    }
}

async fn sweep<F>(database: &Database, table: &'static str, delete: &F) -> Result<(), DatabaseError>
where
    F: for<'c> Fn(&'c mut Connection) -> Pruning<'c> + Send + Sync,
{
    loop {
        // Borrowed for one statement at a time: requests need it more.
        let deleted = delete(&mut *database.connection().await?).await?;
        counter!("zoetrope_pruned_rows_total", "table" => table).increment(deleted as u64);
        if (deleted as u64) < PRUNE_BATCH.unsigned_abs() {
            return Ok(());
        }
        sleep(BETWEEN_BATCHES).await;
    }
}
