use super::*;
use crate::job::{StoredFile, policy::POLICY};

fn job(state: State) -> Job {
    Job { state, ..Job::new() }
}

fn polling(phase: JobPhase, percent: u32) -> Job {
    Job { phase: Some(phase), progress: Progress::clamped(percent), sequence: 3, ..job(State::Polling) }
}

fn after(job: &Job, outcome: Outcome) -> Step {
    aged(job, Ages::default(), outcome)
}

fn aged(job: &Job, ages: Ages, outcome: Outcome) -> Step {
    apply(&POLICY, job, ages, outcome, 0.5).expect("the outcome applies")
}

fn reported(phase: JobPhase, percent: u32) -> Outcome {
    Outcome::Reported { phase, progress: Progress::clamped(percent) }
}

fn failure_code(step: &Step) -> &'static str {
    match &step.event {
        Some(Event::Failed(failure)) => failure.code.as_str(),
        other => panic!("expected a failure, not {other:?}"),
    }
}

fn accepted() -> Outcome {
    Outcome::Accepted("video_1".parse().unwrap())
}

fn stored() -> Outcome {
    let video = StoredFile { key: "tasks/x/video.mp4".into(), content_type: "video/mp4".into(), size: 7, sha256: None };
    Outcome::Stored(StoredResult { video, thumbnail: None })
}

#[test]
fn a_job_runs_to_its_end() {
    let submitted = after(&job(State::Submitting), accepted());
    assert_eq!((submitted.job.state, submitted.due), (State::Polling, Some(Duration::from_secs(30))));
    assert_eq!((submitted.job.sequence, submitted.event), (1, Some(Event::Progressed)));
    let running = after(&submitted.job, reported(JobPhase::Generating, 40));
    assert_eq!((running.job.progress.get(), running.job.polls, running.job.sequence), (40, 1, 2));
    let finished = after(&running.job, Outcome::Finished);
    assert_eq!((finished.job.state, finished.due), (State::Archiving, Some(Duration::ZERO)));
    assert_eq!((finished.job.phase, finished.job.sequence), (Some(JobPhase::Storing), 3));
    let succeeded = after(&finished.job, stored());
    assert_eq!((succeeded.job.state, succeeded.due, succeeded.job.sequence), (State::Succeeded, None, 4));
    assert!(matches!(succeeded.event, Some(Event::Succeeded(_))));
}

#[test]
fn only_news_is_told() {
    let step = after(&polling(JobPhase::Generating, 40), reported(JobPhase::Generating, 40));
    assert_eq!((step.event, step.job.sequence), (None, 3));
    let step = after(&polling(JobPhase::Generating, 40), reported(JobPhase::Generating, 30));
    assert_eq!((step.event, step.job.progress.get()), (None, 40));
    let step = after(&polling(JobPhase::Generating, 40), reported(JobPhase::Submitted, 0));
    assert_eq!((step.event, step.job.phase), (None, Some(JobPhase::Generating)));
    let step = after(&polling(JobPhase::Generating, 40), reported(JobPhase::Generating, 100));
    assert_eq!((step.event, step.job.progress.get()), (Some(Event::Progressed), 99));
}

#[test]
fn what_did_not_arrive_is_submitted_again_for_a_while() {
    for state in [State::Pending, State::Submitting] {
        let step = after(&job(state), Outcome::Again { retry_after: Some(Duration::from_secs(7)) });
        assert_eq!((step.job.state, step.due, step.job.failures), (State::Pending, Some(Duration::from_secs(7)), 1));
        let late = Ages { job: POLICY.submission_deadline, ..Ages::default() };
        assert_eq!(failure_code(&aged(&job(state), late, Outcome::again())), "PROVIDER_UNAVAILABLE");
    }
}

#[test]
fn what_may_have_arrived_waits_for_its_confirmation() {
    let intent = |seconds| Ages { intent: Duration::from_secs(seconds), ..Ages::default() };
    let step = aged(&job(State::Submitting), intent(60), Outcome::Ambiguous);
    assert_eq!((step.job.state, step.due, step.event), (State::Unconfirmed, Some(Duration::from_secs(540)), None));
    assert_eq!(after(&step.job, accepted()).job.state, State::Polling);
    assert_eq!(failure_code(&aged(&step.job, intent(600), Outcome::again())), "SUBMISSION_UNCONFIRMED");
}

#[test]
fn a_provider_with_lookup_is_asked_before_the_window_ends() {
    let policy = Policy { lookup: true, ..POLICY };
    let ages = Ages { intent: Duration::from_secs(10), ..Ages::default() };
    let step = apply(&policy, &job(State::Submitting), ages, Outcome::Ambiguous, 0.0).unwrap();
    assert_eq!(step.due, Some(Duration::from_secs(1)));
    let step = apply(&policy, &step.job, ages, Outcome::Missing, 0.0).unwrap();
    assert_eq!((step.job.state, step.due), (State::Unconfirmed, Some(Duration::from_secs(1))));
    let nearly = Ages { intent: Duration::from_millis(599_500), ..Ages::default() };
    let step = apply(&policy, &step.job, nearly, Outcome::Missing, 0.0).unwrap();
    assert_eq!(step.due, Some(Duration::from_millis(500)));
}

#[test]
fn unanswered_polls_count_but_end_nothing_until_the_limit() {
    let step = after(&polling(JobPhase::Generating, 40), Outcome::again());
    assert_eq!((step.job.state, step.job.polls, step.job.failures, step.event), (State::Polling, 1, 1, None));
    let last = Job { polls: 998, ..polling(JobPhase::Generating, 40) };
    assert_eq!(failure_code(&after(&last, Outcome::again())), "POLL_LIMIT");
    assert_eq!(failure_code(&after(&last, reported(JobPhase::Generating, 50))), "POLL_LIMIT");
    assert_eq!(after(&last, Outcome::Finished).job.state, State::Archiving);
}

#[test]
fn a_job_that_takes_too_long_fails_after_a_last_look() {
    let over = Ages { job: POLICY.max_age, ..Ages::default() };
    let job = polling(JobPhase::Generating, 40);
    assert_eq!(failure_code(&aged(&job, over, reported(JobPhase::Generating, 50))), "AGE_LIMIT");
    assert_eq!(failure_code(&aged(&job, over, Outcome::again())), "AGE_LIMIT");
    assert_eq!(aged(&job, over, Outcome::Finished).job.state, State::Archiving);
    let nearly = Ages { job: POLICY.max_age - Duration::from_secs(1), ..Ages::default() };
    assert_eq!(aged(&job, nearly, Outcome::again()).due, Some(Duration::from_secs(1)));
}

#[test]
fn a_job_is_lost_only_when_the_provider_insists() {
    let mut job = polling(JobPhase::Generating, 40);
    for _ in 1..MISSING_POLLS {
        let step = after(&job, Outcome::Missing);
        assert_eq!(step.job.state, State::Polling);
        job = step.job;
    }
    assert_eq!(failure_code(&after(&job, Outcome::Missing)), "JOB_LOST");
    assert_eq!(after(&job, reported(JobPhase::Generating, 41)).job.failures, 0);
}

#[test]
fn a_result_is_fetched_again_until_the_deadline() {
    let step = after(&job(State::Archiving), Outcome::again());
    assert_eq!((step.job.state, step.job.failures), (State::Archiving, 1));
    let late = Ages { state: POLICY.archive_deadline, ..Ages::default() };
    assert_eq!(failure_code(&aged(&job(State::Archiving), late, Outcome::again())), "RESULT_UNAVAILABLE");
}

#[test]
fn a_result_that_does_not_exist_is_not_waited_for_until_the_deadline() {
    let mut job = job(State::Archiving);
    for _ in 1..MISSING_RESULTS {
        let step = after(&job, Outcome::Missing);
        assert_eq!((step.job.state, step.event), (State::Archiving, None));
        job = step.job;
    }
    assert_eq!(after(&job, Outcome::again()).job.state, State::Archiving);
    assert_eq!(after(&job, stored()).job.state, State::Succeeded);
    assert_eq!(failure_code(&after(&job, Outcome::Missing)), "RESULT_UNAVAILABLE");
}

#[test]
fn a_job_that_fails_on_its_last_way_leaves_no_file() {
    let late = Ages { state: POLICY.archive_deadline, ..Ages::default() };
    let unknown = Outcome::Failed(Failure::of(FailureCode::UnknownProvider));
    for (outcome, code) in [(Outcome::again(), "RESULT_UNAVAILABLE"), (unknown, "UNKNOWN_PROVIDER")] {
        let step = aged(&job(State::Archiving), late, outcome);
        assert_eq!((step.job.state, step.due), (State::Deleting, Some(Duration::ZERO)));
        assert_eq!((failure_code(&step), step.job.sequence), (code, 1), "told at once");
        let step = after(&step.job, Outcome::Removed);
        assert_eq!((step.job.state, step.due), (State::Failed, None));
        assert_eq!((step.event, step.job.sequence), (None, 1), "and once");
    }
    // Before that there is nothing to remove.
    let step = after(&polling(JobPhase::Generating, 40), Outcome::Failed(Failure::of(FailureCode::GenerationFailed)));
    assert_eq!((step.job.state, step.due, step.job.failed), (State::Failed, None, true));
}

#[test]
fn a_job_that_is_given_up_is_called_off_at_its_provider() {
    let with_id = || Job { external_id: Some("video_1".parse().unwrap()), ..polling(JobPhase::Generating, 40) };
    let over = Ages { job: POLICY.max_age, ..Ages::default() };
    let last = Job { polls: 998, ..with_id() };
    let lost = Job { failures: MISSING_POLLS - 1, ..with_id() };
    let broken = Outcome::Failed(Failure::of(FailureCode::GenerationFailed).still_running());
    let given_up = [
        (aged(&with_id(), over, reported(JobPhase::Generating, 50)), "AGE_LIMIT"),
        (aged(&with_id(), over, Outcome::again()), "AGE_LIMIT"),
        (after(&last, Outcome::again()), "POLL_LIMIT"),
        (after(&lost, Outcome::Missing), "JOB_LOST"),
        (after(&with_id(), broken.clone()), "GENERATION_FAILED"),
        (after(&Job { state: State::Cancelling, ..with_id() }, broken), "GENERATION_FAILED"),
    ];
    for (step, code) in given_up {
        assert_eq!((step.job.state, step.due), (State::Deleting, Some(Duration::ZERO)), "{code}");
        assert!(step.job.failed && step.job.may_run, "{code}");
        assert_eq!((failure_code(&step), step.job.sequence), (code, 4), "told at once");
        let step = after(&step.job, Outcome::Removed);
        assert_eq!((step.job.state, step.event, step.job.sequence), (State::Failed, None, 4), "and once");
    }
    // What the provider says has ended is over.
    let ended = after(&with_id(), Outcome::Failed(Failure::of(FailureCode::GenerationFailed)));
    assert_eq!((ended.job.state, ended.job.may_run), (State::Failed, false));
    let finished = Job { state: State::Archiving, ..with_id() };
    let late = Ages { state: POLICY.archive_deadline, ..Ages::default() };
    assert!(!aged(&finished, late, Outcome::again()).job.may_run, "its file may still be fetched by hand");
}

#[test]
fn storage_that_is_away_is_waited_for() {
    for (failed, end) in [(true, State::Failed), (false, State::Cancelled)] {
        let mut job = Job { failed, ..job(State::Deleting) };
        for _ in 0..10 * REMOVAL_TRIES {
            let step = after(&job, Outcome::Leftovers);
            assert_eq!((step.job.state, step.event), (State::Deleting, None));
            job = step.job;
        }
        assert_eq!(after(&job, Outcome::Removed).job.state, end);
    }
}

#[test]
fn a_cancellation_is_told_a_few_times_and_then_done() {
    let mut job = job(State::Deleting);
    for _ in 1..REMOVAL_TRIES {
        let step = after(&job, Outcome::again());
        assert_eq!(step.job.state, State::Deleting);
        job = step.job;
    }
    let step = after(&job, Outcome::again());
    assert_eq!((step.job.state, step.due, step.event), (State::Cancelled, None, None));
}

#[test]
fn impossible_outcomes_change_nothing() {
    for state in [State::Succeeded, State::Failed, State::Cancelled] {
        assert_eq!(apply(&POLICY, &job(state), Ages::default(), Outcome::again(), 0.5), None);
    }
    assert_eq!(apply(&POLICY, &job(State::Pending), Ages::default(), accepted(), 0.5), None);
    assert_eq!(apply(&POLICY, &job(State::Polling), Ages::default(), stored(), 0.5), None);
    assert_eq!(apply(&POLICY, &job(State::Deleting), Ages::default(), stored(), 0.5), None);
}
