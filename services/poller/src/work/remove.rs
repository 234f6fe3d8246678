use std::error::Error;

use zoetrope_storage::ObjectKey;

use super::Worker;
use crate::{job::Outcome, provider::Provider, store::Claimed};

impl Worker {
    /// Removes what was stored of a job, and calls it off at its provider if it may run there. One that has ended there is left: what the
    /// provider keeps of it may tell why it failed.
    pub(super) async fn remove(&self, provider: Option<&Provider>, claimed: &Claimed) -> Outcome {
        let task_id = claimed.task_id;
        for key in [ObjectKey::task_video(task_id), ObjectKey::task_thumbnail(task_id)] {
            if let Err(error) = self.storage.delete(&key).await {
                tracing::warn!(error = &error as &dyn Error, %key, "a stored result was not removed");
                return Outcome::Leftovers;
            }
        }
        match (provider, &claimed.job.external_id) {
            (Some(provider), Some(id)) if !claimed.job.failed || claimed.job.may_run => provider.remove(id).await,
            (Some(provider), _) => {
                // There was leave to ask it.
                provider.gate().give_back(1).await;
                Outcome::Removed
            }
            (None, _) => Outcome::Removed,
        }
    }
}
