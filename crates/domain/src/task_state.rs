use crate::{JobEvent, JobPhase, Progress, TaskStatus, TaskStep};

/// The part of a task that changes while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskState {
    pub status: TaskStatus,
    pub progress: Progress,
    pub step: TaskStep,
    /// Grows by one with each change; 1 for a new task.
    pub version: u64,
    /// Number of the newest job event that counted; 0 before the first.
    pub job_sequence: u64,
    /// Its owner asked for its end while a provider had it. Stays true, however it then ended.
    pub cancel_requested: bool,
}

/// What a job event does to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// Nothing: it was heard before, something newer was, or the task has ended.
    Stale,
    To(TaskState),
}

impl TaskState {
    /// A task that was just accepted and paid for.
    pub const fn created() -> Self {
        Self {
            status: TaskStatus::Queued,
            progress: Progress::NONE,
            step: TaskStep::Queued,
            version: 1,
            job_sequence: 0,
            cancel_requested: false,
        }
    }

    /// Applies a job event. Messages come late, twice and out of order: only a newer number counts, progress and step never run
    /// backwards, and an ended task stays as it is.
    #[must_use]
    pub fn apply_job(&self, sequence: u64, event: JobEvent) -> Transition {
        if self.status.is_terminal() || sequence <= self.job_sequence {
            return Transition::Stale;
        }
        let (status, progress, step) = match event {
            JobEvent::Progressed { phase, progress } => {
                (TaskStatus::Processing, progress.min(Progress::ALMOST).max(self.progress), step_of(phase).max(self.step))
            }
            JobEvent::Succeeded => (TaskStatus::Completed, Progress::FULL, TaskStep::Stored),
            JobEvent::Failed => (TaskStatus::Failed, self.progress, self.step),
            JobEvent::Cancelled => (TaskStatus::Cancelled, self.progress, self.step),
        };
        Transition::To(Self { status, progress, step, version: self.version + 1, job_sequence: sequence, ..*self })
    }
}

const fn step_of(phase: JobPhase) -> TaskStep {
    match phase {
        JobPhase::Submitted => TaskStep::Submitted,
        JobPhase::Generating => TaskStep::Generating,
        JobPhase::Storing => TaskStep::Storing,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Cancellation;

    fn progressed(phase: JobPhase, percent: u32) -> JobEvent {
        JobEvent::Progressed { phase, progress: Progress::clamped(percent) }
    }

    fn after(state: TaskState, sequence: u64, event: JobEvent) -> TaskState {
        match state.apply_job(sequence, event) {
            Transition::To(next) => next,
            Transition::Stale => panic!("{event:?} number {sequence} changed nothing"),
        }
    }

    #[test]
    fn a_task_runs_to_its_end() {
        let submitted = after(TaskState::created(), 1, progressed(JobPhase::Submitted, 0));
        assert_eq!((submitted.status, submitted.step, submitted.version), (TaskStatus::Processing, TaskStep::Submitted, 2));
        let running = after(submitted, 2, progressed(JobPhase::Generating, 40));
        assert_eq!(running.progress.get(), 40);
        let completed = after(running, 3, JobEvent::Succeeded);
        assert_eq!(
            (completed.status, completed.progress, completed.step),
            (TaskStatus::Completed, Progress::FULL, TaskStep::Stored)
        );
    }

    #[test]
    fn an_unfinished_task_never_shows_100() {
        assert_eq!(after(TaskState::created(), 1, progressed(JobPhase::Storing, 100)).progress.get(), 99);
    }

    #[test]
    fn a_second_delivery_changes_nothing() {
        let state = after(TaskState::created(), 5, progressed(JobPhase::Generating, 10));
        assert_eq!(state.apply_job(5, progressed(JobPhase::Generating, 10)), Transition::Stale);
        assert_eq!(state.apply_job(4, JobEvent::Succeeded), Transition::Stale);
    }

    #[test]
    fn a_cancelled_task_hears_no_late_result() {
        let Ok(Cancellation::Now(cancelled)) = TaskState::created().cancel() else { panic!("not cancelled") };
        for event in [JobEvent::Succeeded, JobEvent::Failed, JobEvent::Cancelled, progressed(JobPhase::Storing, 99)] {
            assert_eq!(cancelled.apply_job(9, event), Transition::Stale);
        }
    }

    #[test]
    fn a_confirmed_cancellation_counts_once() {
        let running = after(TaskState::created(), 1, progressed(JobPhase::Generating, 10));
        let cancelled = after(running, 2, JobEvent::Cancelled);
        assert_eq!((cancelled.status, cancelled.progress), (TaskStatus::Cancelled, running.progress));
        assert_eq!(cancelled.apply_job(2, JobEvent::Cancelled), Transition::Stale);
        assert_eq!(cancelled.apply_job(3, JobEvent::Succeeded), Transition::Stale);
    }

    #[derive(Debug, Clone)]
    enum Happening {
        Heard(u64, JobEvent),
        Cancelled,
    }

    fn any_happening() -> impl Strategy<Value = Happening> {
        let phase = prop_oneof![Just(JobPhase::Submitted), Just(JobPhase::Generating), Just(JobPhase::Storing)];
        let event = prop_oneof![
            8 => (phase, 0u32..200).prop_map(|(phase, percent)| progressed(phase, percent)),
            1 => Just(JobEvent::Succeeded),
            1 => Just(JobEvent::Failed),
            1 => Just(JobEvent::Cancelled),
        ];
        prop_oneof![
            9 => (0u64..30, event).prop_map(|(sequence, event)| Happening::Heard(sequence, event)),
            2 => Just(Happening::Cancelled),
        ]
    }

    fn happen(state: TaskState, happening: &Happening) -> TaskState {
        match happening {
            Happening::Heard(sequence, event) => match state.apply_job(*sequence, *event) {
                Transition::To(next) => next,
                Transition::Stale => state,
            },
            Happening::Cancelled => match state.cancel() {
                Ok(Cancellation::Now(next) | Cancellation::Requested(next)) => next,
                Err(_) => state,
            },
        }
    }

    proptest! {
        #[test]
        fn whatever_arrives_nothing_runs_backwards(happenings in prop::collection::vec(any_happening(), 0..60)) {
            let mut state = TaskState::created();
            let (mut ends, mut refunds) = (0, 0);
            for happening in happenings {
                let next = happen(state, &happening);
                if next != state {
                    prop_assert!(!state.status.is_terminal(), "an ended task changed");
                    prop_assert_eq!(next.version, state.version + 1);
                    prop_assert!(next.progress >= state.progress && next.step >= state.step);
                    prop_assert!(next.job_sequence >= state.job_sequence);
                    prop_assert_eq!(next.progress == Progress::FULL, next.status == TaskStatus::Completed);
                    prop_assert!(next.cancel_requested >= state.cancel_requested, "a request is forgotten");
                    ends += u32::from(next.status.is_terminal());
                    // As the callers do it: with each state that is entered.
                    refunds += u32::from(next.status.refunds());
                }
                state = next;
            }
            prop_assert_eq!(ends, u32::from(state.status.is_terminal()));
            prop_assert_eq!(refunds, u32::from(matches!(state.status, TaskStatus::Failed | TaskStatus::Cancelled)));
        }
    }
}
