//! Forgets tasks that ended long ago, and gives up what was lost.
//!
//! The table is for those who follow their tasks live. Who asks for a forgotten task on the WebSocket hears `NOT_FOUND`; a GET still shows
//! it, since task-api keeps it. Who resumes from a place before it hears `resync`. What has not ended is never forgotten.
//!
//! A message that is lost for good (dropped from the dead letters, say) leaves a gap in a feed, and nobody could be told that he has seen
//! more than what is before it. After an hour it is closed.

use chrono::{TimeDelta, Utc};
use zoetrope_postgres::Database;
use zoetrope_service::Process;

use crate::{settings::FeedSettings, store::pruning};

/// How long a message may be late.
const PATIENCE: TimeDelta = TimeDelta::hours(1);

/// Sweeps until the process stops.
pub fn start(process: &Process, database: &Database, settings: FeedSettings) {
    database.keep_pruned(process, "task_states", settings.prune_every, move |connection| {
        Box::pin(pruning::forget_ended(connection, Utc::now() - settings.kept()))
    });
    database.keep_pruned(process, "feed_gaps", settings.prune_every, move |connection| {
        Box::pin(pruning::close_gaps(connection, Utc::now() - PATIENCE))
    });
}
