//! Forgets jobs that ended long ago.

use std::time::Duration;

use zoetrope_postgres::Database;
use zoetrope_service::Process;

use crate::store;

const EVERY: Duration = Duration::from_secs(60 * 60);

/// Sweeps until the process stops. Any number of replicas may do so.
pub(crate) fn start(process: &Process, database: &Database, keep_days: u16) {
    database.keep_pruned(process, "jobs", EVERY, move |conn| Box::pin(store::forget(conn, keep_days)));
}
