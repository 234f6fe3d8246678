//! Whatever happens to a job, in whatever order.

use std::time::Duration;

use proptest::prelude::*;
use zoetrope_domain::{JobPhase, Progress};

use super::{policy::POLICY, *};

const LEASE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
enum Happening {
    Worked(Outcome, Ages),
    Intent,
    Late(Outcome),
    Cancelled(CancelOrder),
    /// A process died between storing a file and telling of it.
    StoredInSilence,
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let phase = prop_oneof![Just(JobPhase::Submitted), Just(JobPhase::Generating)];
    let retry_after = prop::option::of((0u64..100_000).prop_map(Duration::from_secs));
    let video = StoredFile { key: "tasks/x/video.mp4".into(), content_type: "video/mp4".into(), size: 7, sha256: None };
    prop_oneof![
        3 => Just(Outcome::Accepted("video_1".parse().expect("a usable id"))),
        2 => Just(Outcome::Ambiguous),
        6 => (phase, 0u32..150).prop_map(|(phase, percent)| Outcome::Reported { phase, progress: Progress::clamped(percent) }),
        1 => Just(Outcome::Finished),
        1 => Just(Outcome::Stored(StoredResult { video, thumbnail: None })),
        1 => Just(Outcome::Removed),
        1 => Just(Outcome::Leftovers),
        3 => retry_after.prop_map(|retry_after| Outcome::Again { retry_after }),
        1 => Just(Outcome::Missing),
        1 => Just(Outcome::Failed(Failure::of(FailureCode::GenerationFailed))),
        1 => Just(Outcome::Failed(Failure::of(FailureCode::GenerationFailed).still_running())),
    ]
}

fn any_ages() -> impl Strategy<Value = Ages> {
    (0u64..5000, 0u64..700, 0u64..5000).prop_map(|(job, intent, state)| Ages {
        job: Duration::from_secs(job),
        intent: Duration::from_secs(intent),
        state: Duration::from_secs(state),
    })
}

fn any_happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => (any_outcome(), any_ages()).prop_map(|(outcome, ages)| Happening::Worked(outcome, ages)),
        4 => Just(Happening::Intent),
        2 => any_outcome().prop_map(Happening::Late),
        1 => Just(Happening::StoredInSilence),
        1 => prop_oneof![Just(CancelOrder::TaskEnded), Just(CancelOrder::Confirm)].prop_map(Happening::Cancelled),
    ]
}

fn happen(job: &Job, policy: &Policy, happening: Happening, random: f64) -> Option<Step> {
    match happening {
        Happening::Worked(outcome, ages) => apply(policy, job, ages, outcome, random),
        Happening::Late(outcome) => late(policy, job, outcome, random),
        Happening::Cancelled(order) => cancel(job, order, LEASE),
        Happening::Intent if job.state == State::Pending => {
            Some(Step { job: Job { state: State::Submitting, ..job.clone() }, due: Some(Duration::ZERO), event: None })
        }
        Happening::Intent | Happening::StoredInSilence => None,
    }
}

/// Whether a file of the job is in storage, after something happened to it in this state.
fn is_stored(before: bool, state: State, happening: &Happening) -> bool {
    match (state, happening) {
        (State::Archiving, Happening::StoredInSilence | Happening::Worked(Outcome::Stored(_), _)) => true,
        // Who lost the lease while archiving.
        (State::Archiving | State::Deleting | State::Failed | State::Cancelled, Happening::Late(Outcome::Stored(_))) => true,
        // The files go first, whatever comes of the call to the provider.
        (
            State::Deleting,
            Happening::Worked(Outcome::Removed | Outcome::Again { .. } | Outcome::Missing | Outcome::Failed(_), _),
        ) => false,
        _ => before,
    }
}

proptest! {
    #[test]
    fn the_rules_hold(
        happenings in prop::collection::vec((any_happening(), 0.0..=1.0), 0..80),
        lookup: bool,
    ) {
        let policy = Policy { lookup, max_polls: 20, ..POLICY };
        let mut job = Job::new();
        let (mut doubted, mut ended, mut stored) = (false, false, false);
        for (happening, random) in happenings {
            stored = is_stored(stored, job.state, &happening);
            let discards = matches!(happening, Happening::Cancelled(CancelOrder::TaskEnded));
            let Some(Step { job: next, due, event }) = happen(&job, &policy, happening, random) else { continue };

            prop_assert_eq!(due.is_some(), next.state.work().is_some(), "only live jobs are due");
            prop_assert_eq!(next.sequence, job.sequence + u64::from(event.is_some()), "events are numbered without a gap");
            prop_assert!(next.phase >= job.phase && next.progress >= job.progress, "nothing runs backwards");
            prop_assert!(next.polls <= policy.max_polls);
            prop_assert!(!(doubted && next.state == State::Submitting), "what may have arrived is never submitted again");
            prop_assert!(!(job.external_id.is_some() && next.external_id != job.external_id), "an id stays");
            if matches!(event, Some(Event::Progressed)) {
                prop_assert!((next.phase, next.progress) > (job.phase, job.progress), "only news is told");
            }
            prop_assert!(!(ended && event.is_some()), "nothing is told after the end");
            let ends = matches!(event, Some(Event::Succeeded(_) | Event::Failed(_) | Event::Cancelled { .. }));
            prop_assert!(!(discards && event.is_some()), "something is told that nobody waits for");
            ended |= ends || discards;
            prop_assert!(next.state.work().is_some() || ended, "a job whose task waits for word ended without");
            prop_assert!(next.state != State::Deleting || ended, "a result is deleted that the task waits for");
            prop_assert_eq!(next.failed, job.failed || matches!(event, Some(Event::Failed(_))), "a failure that was told is one");
            prop_assert!(!next.failed || matches!(next.state, State::Deleting | State::Failed), "a failed job goes on");
            prop_assert!(next.state != State::Failed || next.failed, "a job ends as failed that nobody was told of");
            if let Some(Event::Failed(failure)) = &event {
                let called_off = next.state == State::Deleting && next.may_run;
                let known = job.external_id.is_some() && job.state != State::Archiving;
                prop_assert_eq!(called_off, failure.may_run && known, "a job may go on at its provider");
            }
            prop_assert!(!(stored && matches!(next.state, State::Failed | State::Cancelled)), "a file is left");
            if job.state == State::Cancelling && next.state != State::Cancelling {
                prop_assert!(ends || discards || next.state == State::Archiving, "a requested cancellation leads nowhere");
            }
            doubted |= next.state == State::Unconfirmed || next.external_id.is_some();
            job = next;
        }
    }
}
