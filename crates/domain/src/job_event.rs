use crate::Progress;

/// What the poller says of a task's job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEvent {
    Progressed {
        phase: JobPhase,
        progress: Progress,
    },
    Succeeded,
    Failed,
    /// It was called off, as the task's owner asked.
    Cancelled,
}

/// How far a running job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobPhase {
    /// The provider accepted it.
    Submitted,
    /// The provider works on it.
    Generating,
    /// The result is on its way into object storage.
    Storing,
}
