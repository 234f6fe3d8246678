//! What a task's owner hears who wants its end, and where the credits go: the one place that decides both.
//!
//! A cancel races everything. How the task stands when it is asked decides the answer; how the task then ends decides the credits, in
//! the same moment, and never before.
//!
//! | the task is | answer | it ends | credits |
//! |---|---|---|---|
//! | queued: no provider is known to have it | cancelled now | cancelled | given back at once |
//! | processing, and not known to be finished | cancellation requested | cancelled, as soon as the provider confirms, or has not answered for the time of the cancel window | given back then |
//! | | | completed, if the provider turns out to have finished before | spent |
//! | | | failed, if it failed before | given back then |
//! | processing, and the provider has finished: the result is being stored | already finished | completed | spent |
//! | | | failed, if the result cannot be had | given back then |
//! | completed | already finished | | spent |
//! | failed | already finished | | were given back |
//! | cancelled | already finished | | were given back |
//!
//! Whatever the provider does after the end changes nothing: an ended task hears no event ([`TaskState::apply_job`]), and a result that
//! arrives all the same is removed.

use crate::{TaskState, TaskStatus, TaskStep};

/// What becomes of a task whose owner wants its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancellation {
    /// It ends with this state.
    Now(TaskState),
    /// The provider has it and must confirm; until then it goes on. The state is the present one if the end was asked for before.
    Requested(TaskState),
}

/// There is nothing to cancel any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AlreadyFinished {
    #[error("a {} task cannot be cancelled", .0.as_str())]
    Ended(TaskStatus),
    #[error("the provider has finished this task already: it is processing, and its result is being stored")]
    Storing,
}

impl AlreadyFinished {
    /// How the task stands.
    pub const fn status(self) -> TaskStatus {
        match self {
            Self::Ended(status) => status,
            Self::Storing => TaskStatus::Processing,
        }
    }
}

impl TaskStatus {
    /// Whether entering this status gives the price back.
    pub const fn refunds(self) -> bool {
        match self {
            Self::Failed | Self::Cancelled => true,
            Self::Queued | Self::Processing | Self::Completed => false,
        }
    }
}

impl TaskState {
    /// Ends the task at its owner's wish, or begins to. A second request changes nothing.
    pub fn cancel(&self) -> Result<Cancellation, AlreadyFinished> {
        match self.status {
            TaskStatus::Queued => {
                Ok(Cancellation::Now(Self { status: TaskStatus::Cancelled, version: self.version + 1, ..*self }))
            }
            TaskStatus::Processing if self.is_finished_by_the_provider() => Err(AlreadyFinished::Storing),
            TaskStatus::Processing if self.cancel_requested => Ok(Cancellation::Requested(*self)),
            TaskStatus::Processing => {
                Ok(Cancellation::Requested(Self { cancel_requested: true, version: self.version + 1, ..*self }))
            }
            TaskStatus::Completed | TaskStatus::Failed | TaskStatus::Cancelled => Err(AlreadyFinished::Ended(self.status)),
        }
    }

    /// Its owner wants its end, and nothing has decided yet whether that comes in time.
    pub fn awaits_cancellation(&self) -> bool {
        self.cancel_requested && !self.status.is_terminal() && !self.is_finished_by_the_provider()
    }

    fn is_finished_by_the_provider(&self) -> bool {
        self.step >= TaskStep::Downloading
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JobEvent, JobPhase, Progress, Transition};

    fn after(state: TaskState, sequence: u64, event: JobEvent) -> TaskState {
        match state.apply_job(sequence, event) {
            Transition::To(next) => next,
            Transition::Stale => panic!("{event:?} number {sequence} changed nothing"),
        }
    }

    fn in_phase(phase: JobPhase) -> TaskState {
        after(TaskState::created(), 1, JobEvent::Progressed { phase, progress: Progress::clamped(30) })
    }

    fn requested(state: TaskState) -> TaskState {
        match state.cancel() {
            Ok(Cancellation::Requested(next)) => next,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_queued_task_is_cancelled_now() {
        let Ok(Cancellation::Now(cancelled)) = TaskState::created().cancel() else { panic!("not cancelled") };
        assert_eq!((cancelled.status, cancelled.version, cancelled.status.refunds()), (TaskStatus::Cancelled, 2, true));
    }

    #[test]
    fn a_running_task_goes_on_until_the_provider_confirms() {
        for phase in [JobPhase::Submitted, JobPhase::Generating] {
            let state = requested(in_phase(phase));
            assert_eq!((state.status, state.version, state.awaits_cancellation()), (TaskStatus::Processing, 3, true));
            assert!(!state.status.refunds());
            let cancelled = after(state, 2, JobEvent::Cancelled);
            assert_eq!((cancelled.status, cancelled.status.refunds()), (TaskStatus::Cancelled, true));
            assert!(cancelled.cancel_requested && !cancelled.awaits_cancellation());
        }
    }

    #[test]
    fn asking_again_gives_the_same_answer_and_changes_nothing() {
        let state = requested(in_phase(JobPhase::Generating));
        assert_eq!(state.cancel(), Ok(Cancellation::Requested(state)));
    }

    #[test]
    fn a_provider_that_had_finished_is_paid() {
        let state = requested(in_phase(JobPhase::Generating));
        let storing = after(state, 2, JobEvent::Progressed { phase: JobPhase::Storing, progress: Progress::ALMOST });
        assert!(!storing.awaits_cancellation());
        let completed = after(storing, 3, JobEvent::Succeeded);
        assert_eq!((completed.status, completed.status.refunds()), (TaskStatus::Completed, false));
        assert!(after(state, 2, JobEvent::Failed).status.refunds());
    }

    #[test]
    fn what_is_finished_is_not_cancelled_and_says_how_it_stands() {
        let storing = in_phase(JobPhase::Storing);
        assert_eq!(storing.cancel(), Err(AlreadyFinished::Storing));
        assert_eq!(AlreadyFinished::Storing.status(), TaskStatus::Processing);
        for event in [JobEvent::Succeeded, JobEvent::Failed, JobEvent::Cancelled] {
            let ended = after(storing, 2, event);
            let refused = ended.cancel().unwrap_err();
            assert_eq!((refused, refused.status()), (AlreadyFinished::Ended(ended.status), ended.status));
            assert!(refused.to_string().contains(ended.status.as_str()));
        }
    }
}
