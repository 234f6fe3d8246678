use std::error::Error;

use zoetrope_storage::ObjectKey;

use super::Worker;
use crate::{job::Outcome, provider::Provider, store::Claimed};

impl Worker {
    /// Calls a cancelled job off at its provider, and removes what was stored of it.
    pub(super) async fn remove(&self, provider: Option<&Provider>, claimed: &Claimed) -> Outcome {
        let task_id = claimed.task_id;
        for key in [ObjectKey::task_video(task_id), ObjectKey::task_thumbnail(task_id)] {
            if let Err(error) = self.storage.delete(&key).await {
                tracing::warn!(error = &error as &dyn Error, %key, "a stored result was not removed");
                return Outcome::again();
            }
        }
        match (provider, &claimed.job.external_id) {
            (Some(provider), Some(id)) => provider.remove(id).await,
            (None, _) | (_, None) => Outcome::Removed,
        }
    }
}
