//! The work on one job: what happens between its claim and the record of what came of it.

mod account;
mod archive;
mod call_off;
mod lease;
mod recorder;
mod remove;
mod settle;
mod submit;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{Instrument, Span};
use zoetrope_outbox::Relay;
use zoetrope_postgres::Database;
use zoetrope_service::trace;
use zoetrope_storage::ObjectStorage;

use crate::{
    job::{ExternalId, Failure, FailureCode, Outcome, Policy, State},
    provider::Provider,
    scheduler::{Alarms, Cutoff},
    store::Claimed,
};
pub(crate) use account::Account;
use lease::{Cut, Lease};
pub(crate) use recorder::Recorder;

/// What all work shares.
pub(crate) struct Worker {
    pub(crate) database: Database,
    pub(crate) storage: ObjectStorage,
    pub(crate) relay: Relay,
    pub(crate) recorder: Recorder,
    pub(crate) alarms: Arc<Alarms>,
    /// Length of a lease.
    pub(crate) lease: Duration,
    pub(crate) cutoff: Cutoff,
}

/// On what terms a job is worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Footing {
    /// With leave to ask its provider.
    Ask,
    /// Without: its time may be over, or nobody knows its provider.
    DoNotAsk,
}

impl Worker {
    /// Works on a claimed job and records what came of it. `claimed_at` is a moment before the claim: the lease ends no sooner than its
    /// length after it.
    pub(crate) async fn work(&self, account: &Account, claimed: Claimed, claimed_at: Instant, footing: Footing) {
        let span = span_of(&claimed);
        trace::continue_from(&span, claimed.traceparent.as_deref());
        Box::pin(self.work_in_span(account, claimed, claimed_at, footing)).instrument(span).await;
    }

    async fn work_in_span(&self, account: &Account, mut claimed: Claimed, claimed_at: Instant, footing: Footing) {
        let lease = Lease::new(self, &claimed, claimed_at);
        let result = match (&account.provider, claimed.job.state) {
            (_, State::Deleting) => lease.hold(self.remove(account.provider.as_ref(), &claimed)).await,
            (Some(_), _) if footing == Footing::DoNotAsk => Ok(Outcome::again()),
            (provider, State::Cancelling) => lease.hold(self.call_off(provider.as_ref(), &account.policy, &claimed)).await,
            (Some(provider), State::Pending) => self.submit(provider, &lease, &mut claimed).await,
            (Some(provider), state) => lease.hold(self.follow(provider, &account.policy_of(&claimed), state, &claimed)).await,
            (None, _) => Ok(Outcome::Failed(Failure::of(FailureCode::UnknownProvider))),
        };
        match result {
            Ok(outcome) => self.settle(account, &claimed, outcome).await,
            Err(Cut::Lost) => tracing::warn!("the lease was lost; what came of the work is discarded"),
            Err(Cut::Stopping) => lease.release().await,
        }
    }

    async fn follow(&self, provider: &Provider, policy: &Policy, state: State, claimed: &Claimed) -> Outcome {
        let task_id = claimed.task_id;
        match (state, &claimed.job.external_id) {
            (State::Submitting, _) => {
                tracing::warn!("a process ended while it submitted this job");
                Outcome::Ambiguous
            }
            (State::Unconfirmed, _) if provider.can_look_up() => provider.find(task_id).await,
            (State::Unconfirmed, _) => Outcome::Missing,
            (State::Polling, Some(id)) => provider.poll(id).await,
            (State::Archiving, Some(id)) => self.archive(provider, policy, claimed, id).await,
            // The table's own checks allow nothing else.
            (
                State::Pending
                | State::Polling
                | State::Archiving
                | State::Cancelling
                | State::Deleting
                | State::Succeeded
                | State::Failed
                | State::Cancelled,
                _,
            ) => Outcome::Failed(Failure::of(FailureCode::JobLost)),
        }
    }
}

fn span_of(claimed: &Claimed) -> Span {
    let name = match claimed.job.state {
        State::Pending | State::Submitting => "job.submit",
        State::Unconfirmed => "job.confirm",
        State::Polling => "job.poll",
        State::Archiving => "job.archive",
        State::Cancelling => "job.cancel",
        State::Deleting => "job.delete",
        State::Succeeded | State::Failed | State::Cancelled => "job",
    };
    tracing::info_span!(
        "job", otel.name = name, work = name, task_id = %claimed.task_id, provider = claimed.provider,
        external_id = claimed.job.external_id.as_ref().map(ExternalId::as_str),
    )
}
