//! Forgets tasks that ended long ago.
//!
//! The table is for those who follow their tasks live. Who asks for a forgotten task on the WebSocket hears `NOT_FOUND`; a GET still shows
//! it, since task-api keeps it. What has not ended is never forgotten.

use chrono::Utc;
use zoetrope_postgres::Database;
use zoetrope_service::Process;

use crate::{settings::FeedSettings, store::task_states};

/// Sweeps until the process stops.
pub fn start(process: &Process, database: &Database, settings: FeedSettings) {
    database.keep_pruned(process, "task_states", settings.prune_every, move |connection| {
        Box::pin(task_states::forget_ended(connection, Utc::now() - settings.kept()))
    });
}
