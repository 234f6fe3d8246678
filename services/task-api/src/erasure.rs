//! Erases users who are gone: ends their tasks by the rules of any cancellation, then deletes the files and what they wrote.
//!
//! A task that a provider has goes on until its job says how it ended; its user waits for that, and no task is lost. Any number of replicas
//! may work on one user: every step may be taken twice.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;
use zoetrope_domain::{TaskId, UserId};
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_storage::{ObjectKey, ObjectStorage, StorageError};

use crate::{
    commands::{CancelError, Commands},
    store::erasure,
};

/// For tasks that have ended since, and what another replica left behind.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
const USERS_AT_ONCE: i64 = 1_000;
/// Tasks that one statement erases.
const TASKS_AT_ONCE: usize = 200;

pub struct Eraser {
    pub commands: Commands,
    pub storage: ObjectStorage,
    /// Somebody is to be erased.
    pub wanted: Arc<Notify>,
}

#[derive(Debug, thiserror::Error)]
enum EraseError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("a file was not deleted")]
    Storage(#[from] StorageError),
}

impl From<diesel::result::Error> for EraseError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Eraser {
    /// Runs until `stopping`. Servers that are away only delay it.
    pub async fn run(self, stopping: CancellationToken) -> anyhow::Result<()> {
        // An outage is logged once.
        let mut failing = false;
        while stopping.run_until_cancelled(timeout(SWEEP_EVERY, self.wanted.notified())).await.is_some() {
            match self.sweep().await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "users who are gone wait to be erased");
                    failing = true;
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn sweep(&self) -> Result<(), EraseError> {
        let users = erasure::waiting(&mut *self.commands.database.connection().await?, USERS_AT_ONCE).await?;
        let mut outcome = Ok(());
        for user in users {
            // One who cannot be erased must not keep the others.
            outcome = self.erase(user).await.and(outcome);
        }
        outcome
    }

    async fn erase(&self, user: UserId) -> Result<(), EraseError> {
        let running = erasure::running(&mut *self.commands.database.connection().await?, user).await?;
        for task in running {
            match self.commands.cancel_task_of_deleted(user, task, Utc::now()).await {
                Ok(_) | Err(CancelError::NotFound | CancelError::AnotherOwner | CancelError::Finished(_)) => {}
                Err(CancelError::Database(error)) => return Err(error.into()),
            }
        }
        let ended = erasure::ended(&mut *self.commands.database.connection().await?, user).await?;
        for some in ended.chunks(TASKS_AT_ONCE) {
            for task in some {
                self.delete_files(*task).await?;
            }
            erasure::erase_tasks(&mut *self.commands.database.connection().await?, some).await?;
        }
        let finished = self.commands.database.transaction("erase_user", async |connection: &mut Connection| {
            Ok::<_, DatabaseError>(erasure::finish(connection, user).await?)
        });
        if finished.await? {
            tracing::info!(user_id = %user, "a user who is gone is erased");
        }
        Ok(())
    }

    async fn delete_files(&self, task: TaskId) -> Result<(), StorageError> {
        for key in [ObjectKey::task_video(task), ObjectKey::task_thumbnail(task), ObjectKey::reference_image(task)] {
            self.storage.delete(&key).await?;
        }
        Ok(())
    }
}
