use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use zoetrope_postgres::DatabaseError;
use zoetrope_storage::{ObjectKey, StorageError};

use super::Avatars;
use crate::store::avatars;

const SWEEP_EVERY: Duration = Duration::from_secs(30);
const AT_ONCE: i64 = 100;

#[derive(Debug, thiserror::Error)]
enum CleaningError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error("a file was not deleted")]
    Storage(#[from] StorageError),
}

impl Avatars {
    /// Removes files that nobody shows, until `stopping`. Any number of replicas may do so.
    pub async fn clean(self, stopping: CancellationToken) -> anyhow::Result<()> {
        // An outage is logged once.
        let mut failing = false;
        while stopping.run_until_cancelled(timeout(SWEEP_EVERY, self.0.unneeded.notified())).await.is_some() {
            match self.sweep().await {
                Ok(()) => failing = false,
                Err(error) if !failing => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "pictures that nobody shows wait to be removed");
                    failing = true;
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    async fn sweep(&self) -> Result<(), CleaningError> {
        loop {
            let unneeded = avatars::unneeded(&mut *self.0.database.connection().await?, AT_ONCE).await?;
            if unneeded.is_empty() {
                return Ok(());
            }
            for file in unneeded {
                self.0.storage.delete(&ObjectKey::avatar(file)).await?;
                avatars::forget(&mut *self.0.database.connection().await?, file).await?;
            }
        }
    }
}
