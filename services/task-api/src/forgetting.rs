//! Forgets idempotency keys whose time is over.

use std::time::Duration;

use zoetrope_postgres::Database;
use zoetrope_service::Process;

use crate::store::idempotency;

const EVERY: Duration = Duration::from_secs(60 * 60);

/// Sweeps until the process stops. Until a sweep comes, an old key is replaced when it is used.
pub fn start(process: &Process, database: &Database) {
    database.keep_pruned(process, "idempotency_keys", EVERY, |connection| Box::pin(idempotency::forget_old(connection)));
}
