use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use zoetrope_domain::backoff;

use super::{Account, Worker, recorder::RecordError};
use crate::{
    error::StoreError,
    job::{self, Event, Outcome, Policy, State, Step},
    store::{self, Claimed, Record},
};

/// Waits between tries to record an outcome while Postgres is away.
const MIN_RETRY: Duration = Duration::from_millis(100);
const MAX_RETRY: Duration = Duration::from_secs(2);
/// Tries to record an outcome that Postgres, though there, does not take (a timeout, mostly).
const MAX_REFUSALS: u32 = 10;

/// What became of an outcome.
enum Settled {
    Recorded(Step),
    /// The lease was lost, but this much of the outcome counts all the same.
    Late(Step),
    Discarded,
}

/// An outcome on its way into the table.
struct Settlement<'a> {
    claimed: &'a Claimed,
    policy: Policy,
    outcome: Outcome,
    step: Step,
    random: f64,
}

impl Worker {
    /// Records what came of the work. While Postgres is away it is held, for as long as the process lives: the id of an accepted
    /// submission is known to nobody else.
    pub(super) async fn settle(&self, account: &Account, claimed: &Claimed, outcome: Outcome) {
        let (random, policy) = (rand::random(), account.policy_of(claimed));
        let Some(step) = job::apply(&policy, &claimed.job, claimed.ages, outcome.clone(), random) else {
            tracing::error!(state = claimed.job.state.as_str(), outcome = outcome.as_str(), "an outcome does not fit its job");
            return;
        };
        let settlement = Settlement { claimed, policy, outcome, step, random };
        let mut failures = 0;
        loop {
            match self.record(&settlement).await {
                Ok(settled) => return self.announce(claimed, &settled, &settlement.outcome),
                Err(error) if !self.cutoff.is_cancelled() && (error.is_unavailable() || failures < MAX_REFUSALS) => {
                    if failures == 0 {
                        tracing::warn!(error = &error as &dyn std::error::Error, "an outcome waits for the database");
                    }
                    failures += 1;
                    let wait = backoff::exponential(failures - 1, MIN_RETRY, MAX_RETRY, rand::random());
                    self.cutoff.run_until_cancelled(sleep(wait)).await;
                }
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        outcome = settlement.outcome.as_str(),
                        "an outcome was not recorded; the job comes again when its lease has ended"
                    );
                    return;
                }
            }
        }
    }

    async fn record(&self, settlement: &Settlement<'_>) -> Result<Settled, RecordError> {
        let Settlement { claimed, step, .. } = settlement;
        let (task_id, token, traceparent) = (claimed.task_id, claimed.token, claimed.traceparent.clone());
        if self.recorder.record(Record { task_id, token, step: step.clone(), traceparent }).await? {
            return Ok(Settled::Recorded(step.clone()));
        }
        self.record_late(settlement).await.map_err(|error| RecordError::Store(Arc::new(error)))
    }

    async fn record_late(&self, settlement: &Settlement<'_>) -> Result<Settled, StoreError> {
        let Settlement { claimed, policy, outcome, random, .. } = settlement;
        let task_id = claimed.task_id;
        self.database
            .transaction("record_late", async |conn| {
                let Some((_, present)) = store::lock(conn, task_id).await? else { return Ok(Settled::Discarded) };
                let Some(late) = job::late(policy, &present, outcome.clone(), *random) else {
                    return Ok(Settled::Discarded);
                };
                store::record_late(conn, task_id, late.clone(), claimed.traceparent.clone()).await?;
                Ok(Settled::Late(late))
            })
            .await
    }

    /// Wakes whoever has something to do now.
    fn announce(&self, claimed: &Claimed, settled: &Settled, outcome: &Outcome) {
        let step = match settled {
            Settled::Recorded(step) => step,
            Settled::Late(step) => {
                tracing::warn!(state = step.job.state.as_str(), "the lease was lost, but the outcome counts");
                step
            }
            Settled::Discarded => {
                tracing::warn!("the lease was lost; what came of the work is discarded");
                return;
            }
        };
        log(claimed, step);
        if claimed.job.state == State::Deleting && step.due.is_none() && matches!(outcome, Outcome::Again { .. }) {
            unconfirmed("the provider could not be told that nobody wants the job");
        }
        if step.event.is_some() {
            self.relay.wake();
        }
        if let (Some(work), Some(due)) = (step.job.state.work(), step.due) {
            self.alarms.ring(&claimed.provider, work, due);
        }
    }
}

/// The provider may go on with a job, and charge for it.
fn unconfirmed(what: &'static str) {
    metrics::counter!("zoetrope_poller_unconfirmed_cancellations_total").increment(1);
    tracing::warn!(what, "a job may go on at the provider");
}

fn log(claimed: &Claimed, step: &Step) {
    let job = &step.job;
    match &step.event {
        Some(Event::Failed(failure)) => {
            metrics::counter!("zoetrope_poller_jobs_ended_total", "outcome" => failure.code.as_str()).increment(1);
            tracing::info!(code = failure.code.as_str(), polls = job.polls, "job failed");
        }
        Some(Event::Succeeded(result)) => {
            metrics::counter!("zoetrope_poller_jobs_ended_total", "outcome" => "SUCCEEDED").increment(1);
            tracing::info!(polls = job.polls, video_bytes = result.video.size, "job succeeded");
        }
        Some(Event::Cancelled { confirmed }) => {
            metrics::counter!("zoetrope_poller_jobs_ended_total", "outcome" => "CANCELLED").increment(1);
            if !confirmed {
                unconfirmed("the provider did not confirm the cancellation; the job counts as cancelled");
            }
            tracing::info!(polls = job.polls, confirmed, "job cancelled");
        }
        Some(Event::Progressed) | None if job.state == claimed.job.state => {
            tracing::debug!(state = job.state.as_str(), progress = job.progress.get(), failures = job.failures, "job goes on");
        }
        Some(Event::Progressed) | None => {
            if job.state == State::Unconfirmed {
                metrics::counter!("zoetrope_poller_unconfirmed_submissions_total").increment(1);
            }
            tracing::info!(from = claimed.job.state.as_str(), to = job.state.as_str(), "job moves on");
        }
    }
}
