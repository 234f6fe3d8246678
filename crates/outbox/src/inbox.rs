//! Recognising a message that was handled before.

use diesel::result::Error as QueryError;
use uuid::Uuid;
use zoetrope_bus::HandleError;
use zoetrope_postgres::{Connection, Database, DatabaseError};
use zoetrope_service::Process;

use crate::{housekeeping, store};

/// How long a message's id is remembered, in days: far longer than a message can wait in a queue.
pub const KEPT_DAYS: u16 = 7;

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

/// Starts to forget old messages, in the background. [`Relay::start`](crate::Relay::start) does this as well; it is for a service that only consumes.
pub fn keep_pruned(process: &Process, database: Database) {
    housekeeping::start_pruning(process, database);
}
