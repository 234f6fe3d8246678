//! What the world hears of jobs.

use chrono::Utc;
use zoetrope_contracts::{
    jobs::v1::{self, JobCancelled, JobFailed, JobProgressed, JobSucceeded},
    timestamp,
};
use zoetrope_domain::{JobPhase, TaskId};
use zoetrope_outbox as outbox;
use zoetrope_postgres::Connection;

use crate::job::{Event, ExternalId, Step, StoredFile};

/// Puts the event of a step, if it has one, into the outbox of the same transaction.
pub(crate) async fn enqueue(conn: &mut Connection, task_id: TaskId, step: &Step) -> Result<(), diesel::result::Error> {
    let Some(event) = &step.event else { return Ok(()) };
    let task_id = task_id.to_string();
    let sequence = step.job.sequence;
    let external_id = step.job.external_id.as_ref().map(ExternalId::to_string).unwrap_or_default();
    let occurred_at = Some(timestamp(Utc::now()));
    match event {
        Event::Progressed => {
            let message = JobProgressed {
                task_id,
                sequence,
                external_id,
                phase: phase(step.job.phase).into(),
                progress: step.job.progress.get().into(),
                occurred_at,
            };
            outbox::enqueue(conn, &message).await?;
        }
        Event::Succeeded(result) => {
            let message = JobSucceeded {
                task_id,
                sequence,
                external_id,
                video: Some(file(&result.video)),
                thumbnail: result.thumbnail.as_ref().map(file),
                occurred_at,
            };
            outbox::enqueue(conn, &message).await?;
        }
        Event::Failed(failure) => {
            let message = JobFailed {
                task_id,
                sequence,
                external_id,
                code: failure.code.as_str().to_owned(),
                message: failure.message.clone(),
                retryable: failure.retryable,
                occurred_at,
            };
            outbox::enqueue(conn, &message).await?;
        }
        Event::Cancelled { .. } => {
            outbox::enqueue(conn, &JobCancelled { task_id, sequence, external_id, occurred_at }).await?;
        }
    }
    Ok(())
}

const fn phase(phase: Option<JobPhase>) -> v1::JobPhase {
    match phase {
        None => v1::JobPhase::Unspecified,
        Some(JobPhase::Submitted) => v1::JobPhase::Submitted,
        Some(JobPhase::Generating) => v1::JobPhase::Generating,
        Some(JobPhase::Storing) => v1::JobPhase::Storing,
    }
}

fn file(file: &StoredFile) -> v1::StoredFile {
    v1::StoredFile { key: file.key.clone(), content_type: file.content_type.clone(), size: file.size, ..Default::default() }
}
