use diesel::result::Error as QueryError;
use uuid::Uuid;
use zoetrope_contracts::Message;
use zoetrope_postgres::Connection;
use zoetrope_service::trace;

use crate::store::{self, NewRow};

/// Messages that go into the outbox together, in one statement.
#[derive(Default)]
pub struct Batch(Vec<NewRow>);

impl Batch {
    /// Adds a message of the current span's trace.
    pub fn add<M: Message>(&mut self, message: &M) {
        self.add_traced(message, trace::current_traceparent());
    }

    /// Adds a message of another trace, in W3C's form, or of none.
    pub fn add_traced<M: Message>(&mut self, message: &M, traceparent: Option<String>) {
        self.0.push(NewRow {
            id: Uuid::now_v7(),
            exchange: M::EXCHANGE,
            routing_key: M::ROUTING_KEY,
            message_type: M::full_name(),
            mandatory: M::MANDATORY,
            payload: message.encode_to_vec(),
            traceparent,
        });
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes all of it, within the transaction of `connection`; other statements of it need not wait for the answer. Call
    /// [`Relay::wake`](crate::Relay::wake) after the commit.
    ///
    /// # Errors
    ///
    /// Those of the database.
    pub async fn enqueue(self, connection: &Connection) -> Result<(), QueryError> {
        if self.0.is_empty() { Ok(()) } else { store::insert(connection, self.0).await }
    }
}
