use chrono::{DateTime, Utc};
use zoetrope_domain::{JobEvent, JobPhase, Progress, TaskId, TaskState, Transition};
use zoetrope_outbox::enqueue;
use zoetrope_postgres::{Connection, DatabaseError};

use super::Commands;
use crate::{
    messages,
    store::{accounts, tasks},
    task::{Failure, VideoOutput},
};

/// What the poller says of a task's job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReport {
    pub task_id: TaskId,
    /// Grows with each report of a job.
    pub sequence: u64,
    /// The provider's id, if it is known.
    pub external_id: Option<String>,
    /// When it happened, by the poller's clock.
    pub occurred_at: DateTime<Utc>,
    pub outcome: JobOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobOutcome {
    Progressed { phase: JobPhase, progress: Progress },
    Succeeded(VideoOutput),
    Failed(Failure),
    Cancelled,
}

impl JobOutcome {
    const fn event(&self) -> JobEvent {
        match self {
            Self::Progressed { phase, progress } => JobEvent::Progressed { phase: *phase, progress: *progress },
            Self::Succeeded(_) => JobEvent::Succeeded,
            Self::Failed(_) => JobEvent::Failed,
            Self::Cancelled => JobEvent::Cancelled,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("there is no task {0}")]
    UnknownTask(TaskId),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for ApplyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl Commands {
    /// Brings a task up to date. A report that is old, or that a task which has ended hears, changes nothing; so a second delivery is
    /// harmless.
    pub async fn apply_job(&self, report: &JobReport, now: DateTime<Utc>) -> Result<Transition, ApplyError> {
        let transition = self.database.transaction("apply_job", async |connection| apply(connection, report, now).await).await?;
        match transition {
            Transition::To(state) => {
                self.relay.wake();
                announce(report.task_id, state);
            }
            Transition::Stale => tracing::debug!(task_id = %report.task_id, sequence = report.sequence, "stale job event"),
        }
        Ok(transition)
    }
}

async fn apply(connection: &mut Connection, report: &JobReport, now: DateTime<Utc>) -> Result<Transition, ApplyError> {
    let mut task = tasks::lock(connection, report.task_id).await?.ok_or(ApplyError::UnknownTask(report.task_id))?;
    let transition = task.state.apply_job(report.sequence, report.outcome.event());
    let Transition::To(state) = transition else { return Ok(transition) };
    task.enter(state, report.occurred_at, now);
    if report.external_id.is_some() {
        task.external_id.clone_from(&report.external_id);
    }
    match &report.outcome {
        JobOutcome::Progressed { .. } | JobOutcome::Cancelled => {}
        JobOutcome::Succeeded(output) => task.output = Some(*output),
        JobOutcome::Failed(failure) => task.failure = Some(failure.clone()),
    }
    tasks::update(connection, &task).await?;
    let position = if state.status.refunds() {
        accounts::refund(connection, task.user_id, task.id, task.price).await?
    } else {
        accounts::advance(connection, task.user_id).await?
    };
    enqueue(connection, &messages::task_updated(&task, position)).await?;
    Ok(transition)
}

fn announce(task_id: TaskId, state: TaskState) {
    let status = state.status.as_str();
    if state.status.is_terminal() {
        metrics::counter!("zoetrope_tasks_ended_total", "status" => status).increment(1);
        tracing::info!(%task_id, status, "task ended");
    } else {
        tracing::debug!(%task_id, status, progress = state.progress.get(), "task went on");
    }
}
