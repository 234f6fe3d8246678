//! Erases what is kept of users who are gone.
//!
//! News of their tasks, mails and registrations may come later than the news of their end, and brings rows back: so the tables are swept
//! again and again, at first every few seconds. Any number of replicas may do so.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;
use zoetrope_postgres::{Database, DatabaseError, PRUNE_BATCH};

use crate::store::deleted_users::{self, TABLES};

const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// How long each sweep looks for rows that came back.
const CLOSELY_WATCHED: Duration = Duration::from_secs(10 * 60);
/// How long every so many sweeps do. No message is later.
const WATCHED: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const LONG_SWEEP_EVERY: u64 = 120;

/// Runs until `stopping`. `wanted` tells of a user who is gone.
pub async fn run(database: Database, wanted: Arc<Notify>, stopping: CancellationToken) -> anyhow::Result<()> {
    // An outage is logged once.
    let mut failing = false;
    let mut sweeps = 0_u64;
    while stopping.run_until_cancelled(timeout(SWEEP_EVERY, wanted.notified())).await.is_some() {
        let watched = if sweeps.is_multiple_of(LONG_SWEEP_EVERY) { WATCHED } else { CLOSELY_WATCHED };
        match sweep(&database, watched).await {
            Ok(()) => {
                failing = false;
                sweeps = sweeps.wrapping_add(1);
            }
            Err(error) if !failing => {
                tracing::warn!(error = &error as &dyn std::error::Error, "users who are gone wait to be erased");
                failing = true;
            }
            Err(_) => {}
        }
    }
    Ok(())
}

async fn sweep(database: &Database, heard_within: Duration) -> Result<(), DatabaseError> {
    for table in TABLES {
        while deleted_users::erase(&mut *database.connection().await?, table, heard_within).await? as u64
            >= PRUNE_BATCH.unsigned_abs()
        {}
    }
    Ok(())
}
