use diesel::result::Error as QueryError;
use uuid::Uuid;
use zoetrope_contracts::Message;
use zoetrope_postgres::Connection;
use zoetrope_service::trace;

use crate::store::{self, NewRow};

/// Writes a message into the outbox, within the transaction of `connection`, and returns its `message_id`. Call [`Relay::wake`](crate::Relay::wake)
/// after the commit.
///
/// The message belongs to the trace of the current span.
///
/// # Errors
///
/// Those of the database.
pub async fn enqueue<M: Message>(connection: &mut Connection, message: &M) -> Result<Uuid, QueryError> {
    let id = Uuid::now_v7();
    let row = NewRow {
        id,
        exchange: M::EXCHANGE,
        routing_key: M::ROUTING_KEY,
        message_type: M::full_name(),
        mandatory: M::MANDATORY,
        payload: message.encode_to_vec(),
        traceparent: trace::current_traceparent(),
    };
    store::insert(connection, vec![row]).await?;
    Ok(id)
}
