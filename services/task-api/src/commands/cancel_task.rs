use chrono::{DateTime, Utc};
use zoetrope_domain::{NotCancellable, TaskId, UserId};
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};

use super::Commands;
use crate::{
    messages,
    store::{accounts, tasks},
    task::Task,
};

#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    #[error("the user has no such task")]
    NotFound,
    #[error(transparent)]
    Ended(#[from] NotCancellable),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for CancelError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Commands {
    /// Ends a user's own task and gives its price back.
    pub async fn cancel_task(&self, user: UserId, id: TaskId, now: DateTime<Utc>) -> Result<Task, CancelError> {
        let task = self.database.transaction("cancel_task", async |connection| cancel(connection, user, id, now).await).await?;
        self.relay.wake();
        metrics::counter!("zoetrope_tasks_ended_total", "status" => task.state.status.as_str()).increment(1);
        tracing::info!(task_id = %id, user_id = %user, "task cancelled");
        Ok(task)
    }
}

async fn cancel(connection: &mut Connection, user: UserId, id: TaskId, now: DateTime<Utc>) -> Result<Task, CancelError> {
    let locked = tasks::lock(connection, id).await?;
    let mut task = locked.filter(|task| task.user_id == user).ok_or(CancelError::NotFound)?;
    task.enter(task.state.cancel()?, now, now);
    tasks::update(connection, &task).await?;
    if task.state.status.refunds() {
        accounts::refund(connection, user, id, task.price).await?;
    }
    enqueue(connection, &messages::cancel_job(id)).await?;
    enqueue(connection, &messages::task_updated(&task)).await?;
    Ok(task)
}
