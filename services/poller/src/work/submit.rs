use std::time::Duration;

use super::{
    Worker,
    lease::{Cut, Lease},
};
use crate::{
    error::StoreError,
    job::{Outcome, State},
    order::Order,
    provider::Provider,
    store::{self, Claimed},
};

impl Worker {
    /// Hands a job to the provider: everything that can fail harmlessly comes first, then the intent is recorded, then the call is made.
    pub(super) async fn submit(&self, provider: &Provider, lease: &Lease<'_>, claimed: &mut Claimed) -> Result<Outcome, Cut> {
        let order = match lease.hold(self.order(claimed)).await? {
            Ok(order) => order,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the order was not read");
                return Ok(Outcome::again());
            }
        };
        let submission = match lease.hold(provider.prepare(&order, &self.storage)).await? {
            Ok(submission) => submission,
            Err(outcome) => return Ok(outcome),
        };
        drop(order);
        match lease.hold(self.intend(claimed)).await? {
            Ok(true) => {}
            Ok(false) => return Err(Cut::Lost),
            Err(error) => {
                // Whether or not the intent was recorded, nothing was sent, and we are the ones to know.
                tracing::warn!(error = &error as &dyn std::error::Error, "the intent to submit was not recorded");
                return Ok(Outcome::again());
            }
        }
        claimed.job.state = State::Submitting;
        claimed.ages.intent = Duration::ZERO;
        match lease.accompany(provider.submit(submission)).await {
            Ok(outcome) => Ok(outcome),
            Err(Cut::Stopping | Cut::Lost) => {
                tracing::warn!("the process stops while the provider has not answered the submission");
                Ok(Outcome::Ambiguous)
            }
        }
    }

    async fn order(&self, claimed: &Claimed) -> Result<Order, StoreError> {
        let mut conn = self.database.connection().await?;
        Ok(store::order(&mut conn, claimed.task_id).await?)
    }

    async fn intend(&self, claimed: &Claimed) -> Result<bool, StoreError> {
        let mut conn = self.database.connection().await?;
        Ok(store::record_intent(&mut conn, claimed.task_id, claimed.token).await?)
    }
}
