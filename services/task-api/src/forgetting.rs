//! Forgets requests whose time is over, known by their idempotency keys or by what they asked for.

use std::time::Duration;

use zoetrope_postgres::Database;
use zoetrope_service::Process;

use crate::store::{followed_requests, idempotency};

const EVERY: Duration = Duration::from_secs(60 * 60);

/// Sweeps until the process stops. Until a sweep comes, an old row is replaced when its key, or its request, comes again.
pub fn start(process: &Process, database: &Database) {
    database.keep_pruned(process, "idempotency_keys", EVERY, |connection| Box::pin(idempotency::forget_old(connection)));
    database.keep_pruned(process, "followed_requests", EVERY, |connection| Box::pin(followed_requests::forget_old(connection)));
}
