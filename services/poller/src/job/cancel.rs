use std::time::Duration;

use super::{Job, Outcome, Policy, State, Step, transition::accept};

/// Cancels a job, whoever works on it. `None`: it is as cancelled as it can be.
pub(crate) fn cancel(job: &Job) -> Option<Step> {
    let job = job.clone();
    match job.state {
        // A submission under way may still be accepted; `late` then has the provider told.
        State::Pending | State::Submitting | State::Unconfirmed => Some(job.to(State::Cancelled, None)),
        State::Polling | State::Archiving | State::Succeeded => Some(job.to(State::Deleting, Some(Duration::ZERO))),
        State::Failed | State::Cancelled | State::Deleting => None,
    }
}

/// What still counts of an outcome whose lease was lost. `None`: nothing, whoever holds the lease now does the work again.
///
/// Two things are known to nobody else: the id of an accepted submission, and files that were stored after the cancellation had removed
/// what was there.
pub(crate) fn late(policy: &Policy, job: &Job, outcome: Outcome, random: f64) -> Option<Step> {
    let job = job.clone();
    match (job.state, outcome) {
        (State::Submitting | State::Unconfirmed, Outcome::Accepted(id)) => Some(accept(policy, job, id, random)),
        (State::Cancelled, Outcome::Accepted(id)) if job.external_id.is_none() => {
            Some(Job { external_id: Some(id), ..job }.to(State::Deleting, Some(Duration::ZERO)))
        }
        (State::Cancelled | State::Deleting, Outcome::Stored(_)) => Some(job.to(State::Deleting, Some(Duration::ZERO))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{StoredFile, StoredResult, policy::POLICY};

    fn job(state: State) -> Job {
        Job { state, ..Job::new() }
    }

    fn stored() -> Outcome {
        let video = StoredFile { key: "tasks/x/video.mp4".into(), content_type: "video/mp4".into(), size: 7, sha256: None };
        Outcome::Stored(StoredResult { video, thumbnail: None })
    }

    #[test]
    fn cancelling_tells_the_provider_only_what_it_knows() {
        let after = |state| cancel(&job(state)).map(|step| step.job.state);
        assert_eq!(after(State::Pending), Some(State::Cancelled));
        assert_eq!(after(State::Submitting), Some(State::Cancelled));
        assert_eq!(after(State::Unconfirmed), Some(State::Cancelled));
        assert_eq!(after(State::Polling), Some(State::Deleting));
        assert_eq!(after(State::Archiving), Some(State::Deleting));
        assert_eq!(after(State::Succeeded), Some(State::Deleting));
        for state in [State::Failed, State::Cancelled, State::Deleting] {
            assert_eq!(after(state), None);
        }
    }

    #[test]
    fn cancelling_says_nothing() {
        for state in State::ALL {
            assert!(cancel(&job(state)).is_none_or(|step| step.event.is_none() && step.job.sequence == 0));
        }
    }

    #[test]
    fn a_late_acceptance_is_not_lost() {
        let accepted = || Outcome::Accepted("video_1".parse().unwrap());
        for state in [State::Submitting, State::Unconfirmed] {
            let step = late(&POLICY, &job(state), accepted(), 0.5).unwrap();
            assert_eq!((step.job.state, step.job.sequence), (State::Polling, 1));
        }
        let step = late(&POLICY, &job(State::Cancelled), accepted(), 0.5).unwrap();
        assert_eq!((step.job.state, step.due, step.event), (State::Deleting, Some(Duration::ZERO), None));
        for state in [State::Pending, State::Polling, State::Archiving, State::Succeeded, State::Failed] {
            assert_eq!(late(&POLICY, &job(state), accepted(), 0.5), None);
        }
    }

    #[test]
    fn files_stored_after_a_cancellation_are_removed_again() {
        for state in [State::Cancelled, State::Deleting] {
            assert_eq!(late(&POLICY, &job(state), stored(), 0.5).unwrap().job.state, State::Deleting);
        }
        assert_eq!(late(&POLICY, &job(State::Archiving), stored(), 0.5), None);
        assert_eq!(late(&POLICY, &job(State::Succeeded), stored(), 0.5), None);
    }
}
