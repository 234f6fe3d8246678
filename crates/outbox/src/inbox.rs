//! Recognising a message that was handled before.

use std::time::Duration;

use diesel::result::Error as QueryError;
use uuid::Uuid;
use zoetrope_bus::HandleError;
use zoetrope_postgres::{Connection, Database, DatabaseError};
use zoetrope_service::Process;

use crate::store;

/// How long a message's id is remembered, in days: far longer than a message can wait in a queue.
pub const KEPT_DAYS: u16 = 7;
const PRUNE_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Records a message within the transaction of `connection`, and tells whether this is the first time. If not, the handler has nothing left to do.
///
/// Waits for another transaction that is handling the same message.
///
/// # Errors
///
/// Those of the database.
pub async fn first_delivery(connection: &mut Connection, message_id: Uuid) -> Result<bool, QueryError> {
    store::record(connection, message_id).await
}

/// What a handler returns when its transaction failed: a message waits while the database is away.
pub fn handle_error(error: DatabaseError) -> HandleError {
    if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::failed(error) }
}

/// Starts to forget old messages, in the background. For every service that has the table.
pub fn keep_pruned(process: &Process, database: &Database) {
    database
        .keep_pruned(process, "inbox", PRUNE_INTERVAL, |connection| Box::pin(store::prune_inbox(connection, KEPT_DAYS.into())));
}
