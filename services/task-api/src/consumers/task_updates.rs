use std::sync::Arc;

use prost::{Message, Name};
use zoetrope_bus::{HandleError, Handler, IncomingMessage};
use zoetrope_contracts::tasks::v1::TaskUpdated;

use crate::live::Watchers;

/// Nudges those who follow a task here, whichever replica changed it.
pub struct TaskUpdates {
    pub watchers: Arc<Watchers>,
}

impl Handler for TaskUpdates {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        if message.message_type != TaskUpdated::full_name() {
            return Err(HandleError::poison(format!("a message of type {:?} is not for this queue", message.message_type)));
        }
        let update = TaskUpdated::decode(message.payload.as_slice()).map_err(HandleError::poison)?;
        self.watchers.nudge(update.task_id.parse().map_err(HandleError::poison)?);
        Ok(())
    }
}
