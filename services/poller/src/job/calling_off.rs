//! What comes of asking a provider to cancel. First it is asked how far it is: what it has finished by then is the user's, and paid for.

use std::time::Duration;

use zoetrope_domain::{JobPhase, Progress};

use super::{Ages, Job, Outcome, Policy, State, Step};

/// Applies the outcome of work in [`State::Cancelling`]. `None`: it cannot come of this work, which would be a bug.
pub(super) fn call_off(policy: &Policy, job: Job, ages: Ages, outcome: Outcome, random: f64) -> Option<Step> {
    match outcome {
        Outcome::Finished => {
            let late = job.to(State::Archiving, Some(Duration::ZERO));
            Some(late.progressing(JobPhase::Storing, Progress::ALMOST))
        }
        Outcome::Failed(failure) => Some(job.fail(failure)),
        // What the provider does not know, it does not work on.
        Outcome::Removed | Outcome::Missing => Some(job.end_cancelled(true)),
        Outcome::Again { retry_after } => {
            let left = policy.cancel_window.saturating_sub(ages.state);
            if left.is_zero() {
                // The user has waited long enough. Nobody asks for the result any more, should there be one.
                return Some(job.end_cancelled(false));
            }
            let failures = job.failures + 1;
            let due = policy.retry(failures, retry_after, random).min(left);
            Some(Job { failures, ..job }.stay(due))
        }
        Outcome::Accepted(_) | Outcome::Ambiguous | Outcome::Reported { .. } | Outcome::Stored(_) | Outcome::Leftovers => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Event, Failure, FailureCode, apply, policy::POLICY};

    fn cancelling() -> Job {
        Job { state: State::Cancelling, sequence: 3, phase: Some(JobPhase::Generating), ..Job::new() }
    }

    fn after(age: Duration, outcome: Outcome) -> Step {
        let ages = Ages { state: age, ..Ages::default() };
        apply(&POLICY, &cancelling(), ages, outcome, 0.0).expect("the outcome applies")
    }

    #[test]
    fn what_the_provider_confirms_is_told() {
        for outcome in [Outcome::Removed, Outcome::Missing] {
            let step = after(Duration::ZERO, outcome);
            assert_eq!((step.job.state, step.due, step.job.sequence), (State::Cancelled, None, 4));
            assert_eq!(step.event, Some(Event::Cancelled { confirmed: true }));
        }
    }

    #[test]
    fn a_cancellation_that_comes_too_late_keeps_the_result() {
        let step = after(Duration::ZERO, Outcome::Finished);
        assert_eq!((step.job.state, step.due), (State::Archiving, Some(Duration::ZERO)));
        assert_eq!((step.job.phase, step.event), (Some(JobPhase::Storing), Some(Event::Progressed)));
        let failure = Failure::of(FailureCode::GenerationFailed);
        let step = after(Duration::ZERO, Outcome::Failed(failure.clone()));
        assert_eq!((step.job.state, step.event), (State::Failed, Some(Event::Failed(failure))));
    }

    #[test]
    fn a_silent_provider_is_asked_until_the_window_ends() {
        let step = after(Duration::ZERO, Outcome::again());
        assert_eq!((step.job.state, step.job.failures, step.event), (State::Cancelling, 1, None));
        assert_eq!(step.due, Some(Duration::from_secs(1)));
        let nearly = POLICY.cancel_window - Duration::from_millis(300);
        let asked = Outcome::Again { retry_after: Some(Duration::from_secs(900)) };
        assert_eq!(after(nearly, asked).due, Some(Duration::from_millis(300)));

        let step = after(POLICY.cancel_window, Outcome::again());
        assert_eq!((step.job.state, step.due), (State::Cancelled, None));
        assert_eq!(step.event, Some(Event::Cancelled { confirmed: false }));
    }

    #[test]
    fn a_word_in_time_counts_even_after_the_window() {
        let late = POLICY.cancel_window * 10;
        assert_eq!(after(late, Outcome::Finished).job.state, State::Archiving);
        assert_eq!(after(late, Outcome::Removed).event, Some(Event::Cancelled { confirmed: true }));
    }

    #[test]
    fn impossible_outcomes_change_nothing() {
        let reported = Outcome::Reported { phase: JobPhase::Generating, progress: Progress::NONE };
        for outcome in [Outcome::Ambiguous, reported, Outcome::Accepted("video_1".parse().unwrap())] {
            assert_eq!(apply(&POLICY, &cancelling(), Ages::default(), outcome, 0.5), None);
        }
    }
}
