use std::time::Duration;

use super::{Event, Job, Outcome, Policy, State, Step, transition::accept};

/// What a cancelled job's task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CancelOrder {
    /// Nothing, it has ended: the job says no more, and nothing is kept of its result.
    TaskEnded,
    /// Word of whether the cancellation came in time.
    Confirm,
}

/// Cancels a job, whoever works on it. `None`: it stays as it is.
///
/// `lease` is the length of a lease: whoever still works on the job has stopped when that has passed.
pub(crate) fn cancel(job: &Job, order: CancelOrder, lease: Duration) -> Option<Step> {
    match order {
        CancelOrder::TaskEnded => discard(job, lease),
        CancelOrder::Confirm => call_off(job),
    }
}

fn discard(job: &Job, lease: Duration) -> Option<Step> {
    let job = job.clone();
    match job.state {
        // A submission under way may still be accepted; `late` then has the provider told.
        State::Pending | State::Submitting | State::Unconfirmed => Some(job.to(State::Cancelled, None)),
        State::Polling | State::Cancelling | State::Succeeded => Some(job.to(State::Deleting, Some(Duration::ZERO))),
        // Files that are being stored at this moment must not come after their removal.
        State::Archiving => Some(job.to(State::Deleting, Some(lease))),
        State::Failed | State::Cancelled | State::Deleting => None,
    }
}

fn call_off(job: &Job) -> Option<Step> {
    let job = job.clone();
    match job.state {
        State::Pending | State::Submitting | State::Unconfirmed => Some(job.end_cancelled(true)),
        State::Polling => Some(job.to(State::Cancelling, Some(Duration::ZERO))),
        // The provider has finished, or the job has ended, or it is being cancelled: the task hears of it in any case.
        State::Archiving | State::Succeeded | State::Failed | State::Cancelled | State::Cancelling | State::Deleting => None,
    }
}

impl Job {
    /// The end that its task's owner asked for.
    pub(super) fn end_cancelled(self, confirmed: bool) -> Step {
        self.to(State::Cancelled, None).telling(Event::Cancelled { confirmed })
    }
}

/// What still counts of an outcome whose lease was lost. `None`: nothing, whoever holds the lease now does the work again.
///
/// Two things are known to nobody else: the id of an accepted submission, and files that were stored after the job's end had removed what
/// was there.
pub(crate) fn late(policy: &Policy, job: &Job, outcome: Outcome, random: f64) -> Option<Step> {
    let job = job.clone();
    match (job.state, outcome) {
        (State::Submitting | State::Unconfirmed, Outcome::Accepted(id)) => Some(accept(policy, job, id, random)),
        (State::Cancelled, Outcome::Accepted(id)) if job.external_id.is_none() => {
            Some(Job { external_id: Some(id), ..job }.to(State::Deleting, Some(Duration::ZERO)))
        }
        (State::Failed | State::Cancelled | State::Deleting, Outcome::Stored(_)) => {
            Some(job.to(State::Deleting, Some(Duration::ZERO)))
        }
        // `Cancelling` among them: before the provider is asked to cancel, it is asked how far it is.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{StoredFile, StoredResult, policy::POLICY};

    const LEASE: Duration = Duration::from_secs(30);

    fn job(state: State) -> Job {
        Job { state, ..Job::new() }
    }

    fn after(state: State, order: CancelOrder) -> Option<(State, Option<Duration>)> {
        cancel(&job(state), order, LEASE).map(|step| (step.job.state, step.due))
    }

    fn accepted() -> Outcome {
        Outcome::Accepted("video_1".parse().unwrap())
    }

    fn stored() -> Outcome {
        let video = StoredFile { key: "tasks/x/video.mp4".into(), content_type: "video/mp4".into(), size: 7, sha256: None };
        Outcome::Stored(StoredResult { video, thumbnail: None })
    }

    #[test]
    fn when_the_task_has_ended_the_provider_is_told_only_what_it_knows() {
        let after = |state| after(state, CancelOrder::TaskEnded);
        for state in [State::Pending, State::Submitting, State::Unconfirmed] {
            assert_eq!(after(state), Some((State::Cancelled, None)));
        }
        for state in [State::Polling, State::Cancelling, State::Succeeded] {
            assert_eq!(after(state), Some((State::Deleting, Some(Duration::ZERO))));
        }
        for state in [State::Failed, State::Cancelled, State::Deleting] {
            assert_eq!(after(state), None);
        }
    }

    #[test]
    fn a_result_on_its_way_into_storage_is_removed_when_nobody_writes_any_more() {
        assert_eq!(after(State::Archiving, CancelOrder::TaskEnded), Some((State::Deleting, Some(LEASE))));
        let removing = cancel(&job(State::Archiving), CancelOrder::TaskEnded, LEASE).unwrap().job;
        let step = late(&POLICY, &removing, stored(), 0.5).unwrap();
        assert_eq!((step.job.state, step.due), (State::Deleting, Some(Duration::ZERO)));
    }

    #[test]
    fn when_the_task_has_ended_nothing_is_said() {
        for state in State::ALL {
            let step = cancel(&job(state), CancelOrder::TaskEnded, LEASE);
            assert!(step.is_none_or(|step| step.event.is_none() && step.job.sequence == 0));
        }
    }

    #[test]
    fn what_no_provider_has_is_cancelled_with_word_at_once() {
        for state in [State::Pending, State::Submitting, State::Unconfirmed] {
            let step = cancel(&job(state), CancelOrder::Confirm, LEASE).unwrap();
            assert_eq!((step.job.state, step.due, step.job.sequence), (State::Cancelled, None, 1));
            assert_eq!(step.event, Some(Event::Cancelled { confirmed: true }));
        }
    }

    #[test]
    fn what_a_provider_has_is_called_off_before_anything_is_said() {
        let step = cancel(&job(State::Polling), CancelOrder::Confirm, LEASE).unwrap();
        assert_eq!((step.job.state, step.due, step.event), (State::Cancelling, Some(Duration::ZERO), None));
    }

    #[test]
    fn what_is_finished_or_called_off_already_stays_as_it_is() {
        for state in [State::Archiving, State::Succeeded, State::Failed, State::Cancelled, State::Cancelling, State::Deleting] {
            assert_eq!(cancel(&job(state), CancelOrder::Confirm, LEASE), None);
        }
    }

    #[test]
    fn a_late_acceptance_is_not_lost() {
        for state in [State::Submitting, State::Unconfirmed] {
            let step = late(&POLICY, &job(state), accepted(), 0.5).unwrap();
            assert_eq!((step.job.state, step.job.sequence), (State::Polling, 1));
        }
        for order in [CancelOrder::TaskEnded, CancelOrder::Confirm] {
            let cancelled = cancel(&job(State::Submitting), order, LEASE).unwrap().job;
            let step = late(&POLICY, &cancelled, accepted(), 0.5).unwrap();
            assert_eq!((step.job.state, step.due, step.event), (State::Deleting, Some(Duration::ZERO), None));
        }
        for state in [State::Pending, State::Polling, State::Archiving, State::Cancelling, State::Succeeded, State::Failed] {
            assert_eq!(late(&POLICY, &job(state), accepted(), 0.5), None);
        }
    }

    #[test]
    fn files_stored_after_a_cancellation_or_failure_are_removed_again() {
        let failed = |state| Job { failed: true, ..job(state) };
        for job in [job(State::Cancelled), job(State::Deleting), failed(State::Failed), failed(State::Deleting)] {
            let step = late(&POLICY, &job, stored(), 0.5).unwrap();
            assert_eq!((step.job.state, step.due, step.event), (State::Deleting, Some(Duration::ZERO), None));
            assert_eq!(step.job.failed, job.failed);
        }
        for state in [State::Archiving, State::Cancelling, State::Succeeded] {
            assert_eq!(late(&POLICY, &job(state), stored(), 0.5), None);
        }
    }
}
