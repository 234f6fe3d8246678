use std::time::Duration;

use zoetrope_domain::{Credits, FeedPosition, InsufficientCredits, TaskId};
use zoetrope_outbox::Batch;
use zoetrope_postgres::{Connection, DatabaseError};

use super::Commands;
use crate::{
    messages,
    store::{
        accounts, followed_requests,
        idempotency::{self, Claim},
        owners, tasks,
    },
    task::Task,
};

/// A task to be accepted and paid for.
#[derive(Debug, Clone)]
pub struct NewTask {
    pub task: Task,
    pub idempotency: Option<Idempotency>,
}

/// What makes a repeated request harmless. A fingerprint is the SHA-256 of what is asked for.
#[derive(Debug, Clone)]
pub enum Idempotency {
    /// The client's own key.
    Key { key: String, fingerprint: [u8; 32] },
    /// Nothing but the request itself: as long as its task is followed on a stream, and `window` longer, the same request means that task.
    Followed { fingerprint: [u8; 32], window: Duration },
}

/// How a task came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    New(Task),
    /// An earlier request that was the same made it; here it is as it was then.
    Repeated(Task),
}

#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error(transparent)]
    InsufficientCredits(#[from] InsufficientCredits),
    #[error("the idempotency key was used for another request")]
    KeyTaken,
    /// Whoever asks was one of the account's owners before.
    #[error("the account has another owner by now")]
    AnotherOwner,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for CreateError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Commands {
    /// Takes the price and accepts the task: both or neither.
    pub async fn create_task(&self, new: NewTask) -> Result<Created, CreateError> {
        let (grant, new) = (self.signup_grant, &new);
        let created = self.database.pipelined("create_task", async |connection| create(connection, new, grant).await).await?;
        if let Created::New(task) = &created {
            self.relay.wake();
            metrics::counter!("zoetrope_tasks_created_total", "kind" => task.kind.as_str(), "model" => task.model.clone())
                .increment(1);
            tracing::info!(task_id = %task.id, user_id = %task.user_id, kind = task.kind.as_str(), model = task.model, "task created");
        }
        Ok(created)
    }
}

async fn create(connection: &Connection, new: &NewTask, grant: Credits) -> Result<Created, CreateError> {
    let task = &new.task;
    if let Some(idempotency) = &new.idempotency
        && let Some(earlier) = claim(connection, task, idempotency).await?
    {
        let earlier = tasks::find(connection, task.user_id, earlier).await?.ok_or(CreateError::KeyTaken)?;
        if earlier.owner_generation > task.owner_generation {
            return Err(CreateError::AnotherOwner);
        }
        return Ok(Created::Repeated(earlier.at_creation()));
    }
    let position = pay(connection, task, grant).await?;
    let mut batch = Batch::default();
    batch.add(&messages::task_created(task));
    batch.add(&messages::submit_job(task));
    batch.add(&messages::task_updated(task, position));
    // Neither waits for the other's answer.
    tokio::try_join!(tasks::insert(connection, task), batch.enqueue(connection))?;
    Ok(Created::New(task.clone()))
}

/// The task that an earlier request like this one made.
async fn claim(connection: &Connection, task: &Task, idempotency: &Idempotency) -> Result<Option<TaskId>, CreateError> {
    match idempotency {
        Idempotency::Key { key, fingerprint } => {
            match idempotency::claim(connection, task.owner(), key, fingerprint, task.id).await? {
                Claim::New => Ok(None),
                Claim::Taken => Err(CreateError::KeyTaken),
                Claim::Repeated(earlier) => Ok(Some(earlier)),
            }
        }
        Idempotency::Followed { fingerprint, window } => {
            Ok(followed_requests::claim(connection, task.owner(), fingerprint, *window, task.id).await?)
        }
    }
}

async fn pay(connection: &Connection, task: &Task, grant: Credits) -> Result<FeedPosition, CreateError> {
    if let Some(position) = accounts::consume(connection, task.owner(), task.id, task.price).await? {
        return Ok(position);
    }
    // Too little, or an account that nobody has touched yet: the news of a registration may be slower than its user.
    // Whoever opened it, this command or that news a moment ago: only a second try tells too little from too early.
    accounts::open(connection, task.user_id, grant).await?;
    if let Some(position) = accounts::consume(connection, task.owner(), task.id, task.price).await? {
        return Ok(position);
    }
    if owners::lock_newest(connection, task.user_id).await? > task.owner_generation {
        return Err(CreateError::AnotherOwner);
    }
    let current = accounts::balance(connection, task.user_id).await?.unwrap_or_default();
    Err(InsufficientCredits { required: task.price, current: Credits::new(current).unwrap_or_default() }.into())
}
