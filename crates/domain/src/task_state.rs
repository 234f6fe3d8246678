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
}

/// What a job event does to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// Nothing: it was heard before, something newer was, or the task has ended.
    Stale,
    To(TaskState),
}

/// The task has already ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a {} task cannot be cancelled", .0.as_str())]
pub struct NotCancellable(pub TaskStatus);

impl TaskState {
    /// A task that was just accepted and paid for.
    pub const fn created() -> Self {
        Self { status: TaskStatus::Queued, progress: Progress::NONE, step: TaskStep::Queued, version: 1, job_sequence: 0 }
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
        };
        Transition::To(Self { status, progress, step, version: self.version + 1, job_sequence: sequence })
    }

    /// Ends the task at its owner's wish.
    pub fn cancel(&self) -> Result<Self, NotCancellable> {
        if self.status.is_terminal() {
            return Err(NotCancellable(self.status));
        }
        Ok(Self { status: TaskStatus::Cancelled, version: self.version + 1, ..*self })
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
        let cancelled = TaskState::created().cancel().unwrap();
        assert_eq!(cancelled.status, TaskStatus::Cancelled);
        assert_eq!(cancelled.apply_job(9, JobEvent::Succeeded), Transition::Stale);
        assert_eq!(cancelled.cancel(), Err(NotCancellable(TaskStatus::Cancelled)));
    }

    fn any_event() -> impl Strategy<Value = JobEvent> {
        let phase = prop_oneof![Just(JobPhase::Submitted), Just(JobPhase::Generating), Just(JobPhase::Storing)];
        prop_oneof![
            8 => (phase, 0u32..200).prop_map(|(phase, percent)| progressed(phase, percent)),
            1 => Just(JobEvent::Succeeded),
            1 => Just(JobEvent::Failed),
        ]
    }

    proptest! {
        #[test]
        fn whatever_arrives_nothing_runs_backwards(events in prop::collection::vec((0u64..30, any_event(), prop::bool::weighted(0.05)), 0..60)) {
            let mut state = TaskState::created();
            for (sequence, event, cancel) in events {
                let next = if cancel {
                    state.cancel().unwrap_or(state)
                } else {
                    match state.apply_job(sequence, event) {
                        Transition::To(next) => next,
                        Transition::Stale => state,
                    }
                };
                if next != state {
                    prop_assert!(!state.status.is_terminal());
                    prop_assert_eq!(next.version, state.version + 1);
                    prop_assert!(next.progress >= state.progress && next.step >= state.step);
                    prop_assert!(next.job_sequence >= state.job_sequence);
                    prop_assert_eq!(next.progress == Progress::FULL, next.status == TaskStatus::Completed);
                }
                state = next;
            }
        }
    }
}
