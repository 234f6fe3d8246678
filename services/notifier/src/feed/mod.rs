//! What this service hears: `TaskUpdated`, twice.
//!
//! * [`Keeper`] takes it from the queue that all replicas share and keeps the newest state of each task in the table, and with it how far
//!   each user's feed is known. [`Recorder`] saves for it.
//! * [`Announcer`] takes it from this replica's own queue and tells the connections that are open here.
//!
//! Both may hear a message again or out of order; a version that is not newer changes nothing. Nor does one that is as old as what the table
//! has forgotten: a delivery that late would bring back a task that ended since, and then for ever. That it came is noted all the same.
//!
//! The **feed** of a user is the newest state of each of his tasks, in the order of their places: task-api numbers a user's changes 1, 2, 3 …
//! in the order of commits. A place below which nothing is missing is a cursor: whoever has seen everything up to it asks for what is
//! beyond, and misses nothing.

mod announcer;
mod keeper;
mod recorder;

use prost::Name;
use zoetrope_bus::{HandleError, IncomingMessage};
use zoetrope_contracts::tasks::v1::TaskUpdated;

pub use self::{announcer::Announcer, keeper::Keeper, recorder::Recorder};
use crate::task::TaskSnapshot;

fn read(message: &IncomingMessage) -> Result<TaskSnapshot, HandleError> {
    if message.message_type != TaskUpdated::full_name() {
        return Err(HandleError::poison(format!("not a {}", TaskUpdated::full_name())));
    }
    TaskSnapshot::decode(&message.payload).map_err(HandleError::poison)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prost::Message as _;
    use zoetrope_bus::Handler;
    use zoetrope_contracts::tasks::v1::TaskStatus;

    use super::*;
    use crate::{
        fixtures::{message, task_id, user_id},
        hub::{Hub, HubLimits},
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
        let hub = Hub::new(HubLimits { mailbox: 4, remembered: 1024, streams_per_user: 4 });
        let announcer = Announcer { hub: Arc::clone(&hub) };
        let sent = incoming(message(1, 2, TaskStatus::Processing).encode_to_vec());
        announcer.handle(sent.clone()).await.unwrap();
        let newest = hub.newest(user_id(1), task_id(1)).unwrap();
        assert_eq!((newest.task.version, newest.traceparent.clone()), (2, sent.traceparent));
    }

    #[tokio::test]
    async fn what_is_no_update_is_poison() {
        let announcer = Announcer { hub: Hub::new(HubLimits { mailbox: 4, remembered: 1024, streams_per_user: 4 }) };
        let other = IncomingMessage { message_type: "zoetrope.tasks.v1.TaskCreated".to_owned(), ..incoming(Vec::new()) };
        for message in [incoming(vec![0xff; 4]), incoming(Vec::new()), other] {
            assert!(matches!(announcer.handle(message).await, Err(HandleError::Poison(_))));
        }
    }
}
