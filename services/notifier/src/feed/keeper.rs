use chrono::{TimeDelta, Utc};
use zoetrope_bus::{HandleError, Handler, IncomingMessage};

use super::{
    read,
    recorder::{Heard, Recorder},
};

/// Keeps states in the table.
pub struct Keeper {
    pub recorder: Recorder,
    /// How long the table keeps what has ended.
    pub kept: TimeDelta,
}

impl Handler for Keeper {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        let task = read(&message)?;
        let too_old = task.updated_at < Utc::now() - self.kept;
        if too_old {
            tracing::debug!(task_id = %task.task_id, version = task.version, "an update that is too old to be kept");
        }
        let heard = Heard { task, payload: message.payload, too_old };
        self.recorder
            .save(heard)
            .await
            .map_err(|error| if error.is_unavailable() { HandleError::unavailable(error) } else { HandleError::failed(error) })
    }
}
