use std::{error::Error, time::Duration};

use tokio::time::timeout;
use zoetrope_domain::TaskId;
use zoetrope_storage::{ObjectKey, StorageError};

use super::Worker;
use crate::{
    job::{ExternalId, Failure, FailureCode, Outcome, Policy, StoredFile, StoredResult},
    provider::{Media, NoMedia, Provider},
    store::Claimed,
};

/// What a result may take even when its deadline has passed: jobs that waited for a poller are given their chance, too.
const LEAST_TIME: Duration = Duration::from_secs(60);
/// A still picture is not worth more than this.
const THUMBNAIL_TIME: Duration = Duration::from_secs(60);

impl Worker {
    /// Copies the result of a finished job into object storage.
    pub(super) async fn archive(&self, provider: &Provider, policy: &Policy, claimed: &Claimed, id: &ExternalId) -> Outcome {
        let task_id = claimed.task_id;
        // A provider that sends a byte now and then is never silent for long, so the deadline has to end a try as well.
        let time = time_left(policy.archive_deadline, claimed.ages.state);
        let video = match timeout(time, self.video(provider, task_id, id)).await {
            Ok(Ok(file)) => file,
            Ok(Err(outcome)) => return outcome,
            Err(_) => {
                tracing::warn!(seconds = time.as_secs(), "the video did not arrive in time");
                return Outcome::Failed(Failure::of(FailureCode::ResultUnavailable));
            }
        };
        let thumbnail = timeout(THUMBNAIL_TIME, self.thumbnail(provider, task_id, id)).await.ok().flatten();
        Outcome::Stored(StoredResult { video, thumbnail })
    }

    async fn video(&self, provider: &Provider, task_id: TaskId, id: &ExternalId) -> Result<StoredFile, Outcome> {
        let media = match provider.video(id).await {
            Ok(media) => media,
            Err(NoMedia::Absent) => {
                tracing::warn!("the provider has finished, but has no usable file");
                return Err(Outcome::Missing);
            }
            Err(NoMedia::Later { retry_after }) => return Err(Outcome::Again { retry_after }),
        };
        self.store(&ObjectKey::task_video(task_id), media).await.map_err(|error| {
            tracing::warn!(error = &error as &dyn Error, "the video was not stored");
            Outcome::again()
        })
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

    async fn store(&self, key: &ObjectKey, media: Media<'_>) -> Result<StoredFile, StorageError> {
        let stored = self.storage.put_stream(key, media.stream, None).await?;
        Ok(StoredFile {
            key: key.to_string(),
            content_type: media.content_type.to_owned(),
            size: stored.size,
            sha256: Some(stored.sha256),
        })
    }
}

/// `age` is the time since the provider finished.
fn time_left(deadline: Duration, age: Duration) -> Duration {
    deadline.saturating_sub(age).max(LEAST_TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_ends_with_the_deadline_but_every_job_gets_one() {
        let hour = Duration::from_secs(3600);
        assert_eq!(time_left(hour, Duration::ZERO), hour);
        assert_eq!(time_left(hour, Duration::from_secs(3000)), Duration::from_secs(600));
        assert_eq!(time_left(hour, Duration::from_secs(3599)), LEAST_TIME);
        assert_eq!(time_left(hour, 3 * hour), LEAST_TIME);
    }
}
