use std::time::Duration;

use tokio::time::timeout;

use super::Worker;
use crate::{
    job::{ExternalId, Outcome, Policy},
    provider::Provider,
    store::Claimed,
};

/// A provider has this long to answer even when the window has passed, as it may have while no poller ran.
const SHORTEST_TRY: Duration = Duration::from_secs(5);

impl Worker {
    /// Asks a provider to cancel a job that its task's owner wants no more.
    pub(super) async fn call_off(&self, provider: Option<&Provider>, policy: &Policy, claimed: &Claimed) -> Outcome {
        let (Some(provider), Some(id)) = (provider, &claimed.job.external_id) else { return Outcome::Removed };
        let left = policy.cancel_window.saturating_sub(claimed.ages.state);
        match timeout(left.max(SHORTEST_TRY), ask(provider, id)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                tracing::info!("the provider does not answer in the time that a cancellation has");
                Outcome::again()
            }
        }
    }
}

/// Looks first: a video that is finished is not deleted, and the user has it for the price. What comes between the look and the
/// deletion is the provider's loss.
async fn ask(provider: &Provider, id: &ExternalId) -> Outcome {
    match provider.poll(id).await {
        Outcome::Reported { .. } => {
            provider.gate().spend(1);
            provider.remove(id).await
        }
        other => other,
    }
}
