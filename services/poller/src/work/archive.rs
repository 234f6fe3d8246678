use std::error::Error;

use zoetrope_domain::TaskId;
use zoetrope_storage::{ObjectKey, StorageError};

use super::Worker;
use crate::{
    job::{ExternalId, Outcome, StoredFile, StoredResult},
    provider::{Media, NoMedia, Provider},
};

impl Worker {
    /// Copies the result of a finished job into object storage.
    pub(super) async fn archive(&self, provider: &Provider, task_id: TaskId, id: &ExternalId) -> Outcome {
        let video = match provider.video(id).await {
            Ok(media) => media,
            Err(NoMedia::Absent) => {
                tracing::warn!("the provider has finished, but knows of no file");
                return Outcome::Missing;
            }
            Err(NoMedia::Later { retry_after }) => return Outcome::Again { retry_after },
        };
        let video = match self.store(&ObjectKey::task_video(task_id), video).await {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(error = &error as &dyn Error, "the video was not stored");
                return Outcome::again();
            }
        };
        let thumbnail = self.thumbnail(provider, task_id, id).await;
        Outcome::Stored(StoredResult { video, thumbnail })
    }

    /// A video without its still picture is a result, too.
    async fn thumbnail(&self, provider: &Provider, task_id: TaskId, id: &ExternalId) -> Option<StoredFile> {
        let media = match provider.thumbnail(id).await {
            Ok(media) => media,
            Err(reason) => {
                tracing::debug!(?reason, "there is no thumbnail");
                return None;
            }
        };
        match self.store(&ObjectKey::task_thumbnail(task_id), media).await {
            Ok(file) => Some(file),
            Err(error) => {
                tracing::warn!(error = &error as &dyn Error, "the thumbnail was not stored");
                None
            }
        }
    }

    async fn store(&self, key: &ObjectKey, media: Media) -> Result<StoredFile, StorageError> {
        let stored = self.storage.put_stream(key, media.stream, None).await?;
        Ok(StoredFile { key: key.to_string(), content_type: media.content_type.to_owned(), size: stored.size })
    }
}
