//! What this service hears: `TaskUpdated`, twice.
//!
//! * [`Keeper`] takes it from the queue that all replicas share and keeps the newest state of each task in the table.
//! * [`Announcer`] takes it from this replica's own queue and tells the connections that are open here.
//!
//! Both may hear a message again or out of order; a version that is not newer changes nothing. Nor does one that is as old as what the table
//! has forgotten: a delivery that late would bring back a task that ended since, and then for ever.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use prost::Name;
use zoetrope_bus::{HandleError, Handler, IncomingMessage};
use zoetrope_contracts::tasks::v1::TaskUpdated;
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::trace::current_traceparent;

use crate::{
    hub::Hub,
    mail, metrics,
    store::task_states,
    task::{TaskSnapshot, Update},
};

/// Keeps states in the table.
pub struct Keeper {
    pub database: Database,
    /// How long the table keeps what has ended.
    pub kept: TimeDelta,
}

impl Handler for Keeper {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        let task = read(&message)?;
        if task.updated_at < Utc::now() - self.kept {
            tracing::debug!(task_id = %task.task_id, version = task.version, "an update that is too old to be kept");
            return Ok(());
        }
        let kept = self
            .keep(&task, &message.payload)
            .await
            .map_err(|error| if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::failed(error) })?;
        if kept {
            metrics::fed(task.updated_at, Utc::now());
        }
        Ok(())
    }
}

impl Keeper {
    async fn keep(&self, task: &TaskSnapshot, payload: &[u8]) -> Result<bool, DatabaseError> {
        // Each statement alone does no harm twice: they need no transaction around them.
        let mut connection = self.database.connection().await?;
        let kept = task_states::save(&mut connection, task, payload).await?;
        // Also for what is kept already: the delivery before this one may have come no further.
        mail::tell_ready(&mut connection, task).await?;
        Ok(kept)
    }
}

/// Tells open connections.
pub struct Announcer {
    pub hub: Arc<Hub>,
}

impl Handler for Announcer {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        let task = read(&message)?;
        // A push is a part of the handling of this message.
        let traceparent = current_traceparent().or(message.traceparent);
        self.hub.publish(&Arc::new(Update::new(task, traceparent)));
        Ok(())
    }
}

fn read(message: &IncomingMessage) -> Result<TaskSnapshot, HandleError> {
    if message.message_type != TaskUpdated::full_name() {
        return Err(HandleError::poison(format!("not a {}", TaskUpdated::full_name())));
    }
    TaskSnapshot::decode(&message.payload).map_err(HandleError::poison)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use zoetrope_contracts::tasks::v1::TaskStatus;

    use super::*;
    use crate::{
        fixtures::{message, task_id},
        hub::HubLimits,
    };

    fn incoming(payload: Vec<u8>) -> IncomingMessage {
        IncomingMessage {
            message_id: None,
            message_type: "zoetrope.tasks.v1.TaskUpdated".to_owned(),
            routing_key: "task.updated".to_owned(),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            payload,
            delivery_count: 0,
        }
    }

    #[tokio::test]
    async fn an_update_is_announced_with_its_trace() {
        let hub = Hub::new(HubLimits { mailbox: 4, remembered: 1024 });
        let announcer = Announcer { hub: Arc::clone(&hub) };
        let sent = incoming(message(1, 2, TaskStatus::Processing).encode_to_vec());
        announcer.handle(sent.clone()).await.unwrap();
        let newest = hub.newest(task_id(1)).unwrap();
        assert_eq!((newest.task.version, newest.traceparent.clone()), (2, sent.traceparent));
    }

    #[tokio::test]
    async fn what_is_no_update_is_poison() {
        let announcer = Announcer { hub: Hub::new(HubLimits { mailbox: 4, remembered: 1024 }) };
        let other = IncomingMessage { message_type: "zoetrope.tasks.v1.TaskCreated".to_owned(), ..incoming(Vec::new()) };
        for message in [incoming(vec![0xff; 4]), incoming(Vec::new()), other] {
            assert!(matches!(announcer.handle(message).await, Err(HandleError::Poison(_))));
        }
    }
}
