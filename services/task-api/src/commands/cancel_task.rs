use chrono::{DateTime, Utc};
use zoetrope_domain::{AccountOwner, AlreadyFinished, Cancellation, OwnerGeneration, TaskId, UserId};
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};

use super::Commands;
use crate::{
    messages,
    store::{accounts, owners, tasks},
    task::Task,
};

/// What came of the wish to cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cancelled {
    /// The task has ended and is paid back.
    Now(Task),
    /// The task goes on until its job tells whether the cancellation came in time.
    Requested(Task),
}

#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    #[error("the user has no such task")]
    NotFound,
    /// Whoever asks was one of the account's owners before.
    #[error("the account has another owner by now")]
    AnotherOwner,
    #[error(transparent)]
    Finished(#[from] AlreadyFinished),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for CancelError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Commands {
    /// Ends a user's own task, or asks for its end when a provider has it. Repeating the wish changes nothing.
    pub async fn cancel_task(&self, owner: AccountOwner, id: TaskId, now: DateTime<Utc>) -> Result<Cancelled, CancelError> {
        self.cancel_by(owner.user_id, Some(owner.generation), id, now).await
    }

    /// The same for a user who is gone, whichever owner of the account asked for the task.
    pub async fn cancel_task_of_deleted(&self, user: UserId, id: TaskId, now: DateTime<Utc>) -> Result<Cancelled, CancelError> {
        self.cancel_by(user, None, id, now).await
    }

    async fn cancel_by(
        &self,
        user: UserId,
        generation: Option<OwnerGeneration>,
        id: TaskId,
        now: DateTime<Utc>,
    ) -> Result<Cancelled, CancelError> {
        let cancelled = self
            .database
            .transaction("cancel_task", async |connection| cancel(connection, user, generation, id, now).await)
            .await?;
        self.relay.wake();
        match &cancelled {
            Cancelled::Now(task) => {
                metrics::counter!("zoetrope_tasks_ended_total", "status" => task.state.status.as_str()).increment(1);
                tracing::info!(task_id = %id, user_id = %user, "task cancelled");
            }
            Cancelled::Requested(_) => tracing::info!(task_id = %id, user_id = %user, "cancellation requested"),
        }
        Ok(cancelled)
    }
}

async fn cancel(
    connection: &mut Connection,
    user: UserId,
    generation: Option<OwnerGeneration>,
    id: TaskId,
    now: DateTime<Utc>,
) -> Result<Cancelled, CancelError> {
    let locked = tasks::lock(connection, id).await?;
    let mut task = locked.filter(|task| task.user_id == user).ok_or(CancelError::NotFound)?;
    if let Some(generation) = generation
        && generation < task.owner_generation.max(owners::lock_newest(connection, user).await?)
    {
        return Err(CancelError::AnotherOwner);
    }
    let (state, command, answer): (_, _, fn(Task) -> Cancelled) = match task.state.cancel()? {
        Cancellation::Now(state) => (state, messages::cancel_job(id), Cancelled::Now),
        Cancellation::Requested(state) if state == task.state => return Ok(Cancelled::Requested(task)),
        Cancellation::Requested(state) => (state, messages::request_cancellation(id), Cancelled::Requested),
    };
    task.enter(state, now, now);
    tasks::update(connection, &task).await?;
    let position = if state.status.refunds() {
        accounts::refund(connection, user, id, task.price).await?
    } else {
        accounts::advance(connection, user).await?
    };
    enqueue(connection, &command).await?;
    enqueue(connection, &messages::task_updated(&task, position)).await?;
    Ok(answer(task))
}
