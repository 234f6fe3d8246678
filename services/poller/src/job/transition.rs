use std::time::Duration;

use zoetrope_domain::{JobPhase, Progress};

use super::{Ages, ExternalId, Failure, FailureCode, Outcome, Policy, State, StoredResult, calling_off::call_off};

/// Polls in a row without a proper answer after which "no such job" is believed.
const MISSING_POLLS: u32 = 10;
/// Tries in a row that brought no result after which "there is no file" is believed. A provider may be a moment behind its own word.
const MISSING_RESULTS: u32 = 5;
/// Tries to tell the provider of a cancellation.
const REMOVAL_TRIES: u32 = 6;

/// The part of a job that changes while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) state: State,
    /// The provider's id, once it is known.
    pub(crate) external_id: Option<ExternalId>,
    /// What was last told of the job; `None` before the first event.
    pub(crate) phase: Option<JobPhase>,
    pub(crate) progress: Progress,
    /// Number of the last event; 0 before the first.
    pub(crate) sequence: u64,
    /// Polls so far, answered or not.
    pub(crate) polls: u32,
    /// Failed tries in a row of the present work.
    pub(crate) failures: u32,
    /// Its failure was told: whatever is still done, it ends as failed.
    pub(crate) failed: bool,
    /// It failed, and the provider may still work on it.
    pub(crate) may_run: bool,
}

/// What the world hears of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Progressed,
    Succeeded(StoredResult),
    Failed(Failure),
    /// As the task's owner asked.
    Cancelled {
        /// The provider said so, or never had the job.
        confirmed: bool,
    },
}

/// A decision: the job as it is from now on, the event to publish with it, and when to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) job: Job,
    /// Time until the next work; `None` when there is none.
    pub(crate) due: Option<Duration>,
    /// Carries the number `job.sequence`.
    pub(crate) event: Option<Event>,
}

impl Job {
    /// A job that was just taken on.
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Pending,
            external_id: None,
            phase: None,
            progress: Progress::NONE,
            sequence: 0,
            polls: 0,
            failures: 0,
            failed: false,
            may_run: false,
        }
    }

    /// Moves on to another state, with fresh patience.
    pub(super) fn to(self, state: State, due: Option<Duration>) -> Step {
        Step { job: Self { state, failures: 0, ..self }, due, event: None }
    }

    /// Stays where it is.
    pub(super) fn stay(self, due: Duration) -> Step {
        Step { job: self, due: Some(due), event: None }
    }

    /// Ends it without a result.
    pub(crate) fn fail(self, failure: Failure) -> Step {
        let archiving = self.state == State::Archiving;
        let may_run = failure.may_run && self.external_id.is_some() && !archiving;
        let failed = Self { failed: true, may_run, ..self };
        // A process that died may have stored a file and told nobody; or the provider is to be told that nobody waits any more. The user
        // need not wait for either.
        let step =
            if archiving || may_run { failed.to(State::Deleting, Some(Duration::ZERO)) } else { failed.to(State::Failed, None) };
        step.telling(Event::Failed(failure))
    }
}

impl Step {
    pub(super) fn telling(mut self, event: Event) -> Self {
        self.job.sequence += 1;
        self.event = Some(event);
        self
    }

    /// Tells of phase and progress, if they went forward.
    pub(super) fn progressing(mut self, phase: JobPhase, progress: Progress) -> Self {
        let told = (self.job.phase, self.job.progress);
        self.job.phase = told.0.max(Some(phase));
        // 100 belongs to a result that is stored.
        self.job.progress = told.1.max(progress.min(Progress::ALMOST));
        if (self.job.phase, self.job.progress) == told { self } else { self.telling(Event::Progressed) }
    }
}

/// Applies the outcome of leased work. `None`: this outcome cannot come of work in this state, which would be a bug.
///
/// `random` is a random number from 0 to 1.
pub(crate) fn apply(policy: &Policy, job: &Job, ages: Ages, outcome: Outcome, random: f64) -> Option<Step> {
    let job = job.clone();
    Some(match (job.state, outcome) {
        (State::Deleting, outcome) => return remove(policy, job, &outcome, random),
        (State::Cancelling, outcome) => return call_off(policy, job, ages, outcome, random),
        (State::Succeeded | State::Failed | State::Cancelled, _) => return None,
        (_, Outcome::Failed(failure)) => job.fail(failure),

        (State::Submitting | State::Unconfirmed, Outcome::Accepted(id)) => accept(policy, job, id, random),
        (State::Pending | State::Submitting, Outcome::Again { retry_after }) => postpone(policy, job, ages, retry_after, random),
        (State::Submitting, Outcome::Ambiguous) => {
            let due = doubt(policy, 1, None, ages, random);
            job.to(State::Unconfirmed, Some(due))
        }
        (State::Unconfirmed, Outcome::Again { retry_after }) => await_confirmation(policy, job, ages, retry_after, random),
        (State::Unconfirmed, Outcome::Missing) => await_confirmation(policy, job, ages, None, random),

        (State::Polling, Outcome::Reported { phase, progress }) => {
            let polled = Job { polls: job.polls + 1, failures: 0, ..job };
            if let Some(limit) = exceeded(policy, &polled, ages) {
                return Some(polled.fail(Failure::of(limit)));
            }
            polled.stay(policy.next_poll(ages, random)).progressing(phase, progress)
        }
        (State::Polling, Outcome::Finished) => {
            let polled = Job { polls: job.polls + 1, ..job };
            polled.to(State::Archiving, Some(Duration::ZERO)).progressing(JobPhase::Storing, Progress::ALMOST)
        }
        (State::Polling, Outcome::Again { retry_after }) => poll_again(policy, job, ages, false, retry_after, random),
        (State::Polling, Outcome::Missing) => poll_again(policy, job, ages, true, None, random),

        (State::Archiving, Outcome::Stored(result)) => job.to(State::Succeeded, None).telling(Event::Succeeded(result)),
        (State::Archiving, Outcome::Again { retry_after }) => archive_again(policy, job, ages, false, retry_after, random),
        (State::Archiving, Outcome::Missing) => archive_again(policy, job, ages, true, None, random),

        (State::Pending, Outcome::Accepted(_) | Outcome::Ambiguous | Outcome::Missing)
        | (State::Submitting, Outcome::Missing)
        | (State::Unconfirmed, Outcome::Ambiguous)
        | (State::Polling | State::Archiving, Outcome::Accepted(_) | Outcome::Ambiguous)
        | (
            State::Pending | State::Submitting | State::Unconfirmed | State::Archiving,
            Outcome::Reported { .. } | Outcome::Finished,
        )
        | (State::Pending | State::Submitting | State::Unconfirmed | State::Polling, Outcome::Stored(_))
        | (
            State::Pending | State::Submitting | State::Unconfirmed | State::Polling | State::Archiving,
            Outcome::Removed | Outcome::Leftovers,
        ) => {
            return None;
        }
    })
}

pub(super) fn accept(policy: &Policy, job: Job, id: ExternalId, random: f64) -> Step {
    let known = Job { external_id: Some(id), ..job };
    known.to(State::Polling, Some(policy.next_poll(Ages::default(), random))).progressing(JobPhase::Submitted, Progress::NONE)
}

fn postpone(policy: &Policy, job: Job, ages: Ages, retry_after: Option<Duration>, random: f64) -> Step {
    if ages.job >= policy.submission_deadline {
        return job.fail(Failure::of(FailureCode::ProviderUnavailable));
    }
    let failures = job.failures + 1;
    Job { state: State::Pending, failures, ..job }.stay(policy.retry(failures, retry_after, random))
}

fn await_confirmation(policy: &Policy, job: Job, ages: Ages, retry_after: Option<Duration>, random: f64) -> Step {
    if ages.intent >= policy.unconfirmed_window {
        return job.fail(Failure::of(FailureCode::SubmissionUnconfirmed));
    }
    let failures = job.failures + 1;
    let due = doubt(policy, failures, retry_after, ages, random);
    Job { failures, ..job }.stay(due)
}

/// Time until an unconfirmed submission is looked for, or until it is given up.
fn doubt(policy: &Policy, failures: u32, retry_after: Option<Duration>, ages: Ages, random: f64) -> Duration {
    let left = policy.unconfirmed_window.saturating_sub(ages.intent);
    if policy.lookup { policy.retry(failures, retry_after, random).min(left) } else { left }
}

/// The limit that a job has reached. Reached by a poll, so that the provider was asked one last time.
fn exceeded(policy: &Policy, job: &Job, ages: Ages) -> Option<FailureCode> {
    if job.polls >= policy.max_polls {
        Some(FailureCode::PollLimit)
    } else if ages.job >= policy.max_age {
        Some(FailureCode::AgeLimit)
    } else {
        None
    }
}

fn poll_again(policy: &Policy, job: Job, ages: Ages, missing: bool, retry_after: Option<Duration>, random: f64) -> Step {
    let polled = Job { polls: job.polls + 1, failures: job.failures + 1, ..job };
    if let Some(limit) = exceeded(policy, &polled, ages) {
        return polled.fail(Failure::of(limit));
    }
    if missing && polled.failures >= MISSING_POLLS {
        return polled.fail(Failure::of(FailureCode::JobLost));
    }
    let due = policy.retry_poll(polled.failures, retry_after, ages, random);
    polled.stay(due)
}

fn archive_again(policy: &Policy, job: Job, ages: Ages, missing: bool, retry_after: Option<Duration>, random: f64) -> Step {
    let failures = job.failures + 1;
    if ages.state >= policy.archive_deadline || (missing && failures >= MISSING_RESULTS) {
        return job.fail(Failure::of(FailureCode::ResultUnavailable));
    }
    Job { failures, ..job }.stay(policy.retry(failures, retry_after, random))
}

/// Telling the provider is a courtesy, which ends; the files in storage have to go. The world has heard of the end and hears no more.
fn remove(policy: &Policy, job: Job, outcome: &Outcome, random: f64) -> Option<Step> {
    let end = if job.failed { State::Failed } else { State::Cancelled };
    let failures = job.failures + 1;
    match outcome {
        Outcome::Removed | Outcome::Missing | Outcome::Failed(_) => Some(job.to(end, None)),
        Outcome::Again { .. } if failures >= REMOVAL_TRIES => Some(job.to(end, None)),
        Outcome::Again { retry_after } => Some(Job { failures, ..job }.stay(policy.retry(failures, *retry_after, random))),
        Outcome::Leftovers => Some(Job { failures, ..job }.stay(policy.retry(failures, None, random))),
        Outcome::Accepted(_) | Outcome::Ambiguous | Outcome::Reported { .. } | Outcome::Finished | Outcome::Stored(_) => None,
    }
}

#[cfg(test)]
#[path = "transition_tests.rs"]
mod tests;
