//! What the world hears of jobs.

use chrono::Utc;
use zoetrope_contracts::{
    jobs::v1::{self, JobCancelled, JobFailed, JobProgressed, JobSucceeded},
    timestamp,
};
use zoetrope_domain::{JobPhase, TaskId};
use zoetrope_outbox::Batch;

use crate::job::{Event, ExternalId, Step, StoredFile};

/// Adds the event of a step, if it has one. `traceparent` is the trace that it belongs to (W3C).
pub(crate) fn add(batch: &mut Batch, task_id: TaskId, step: &Step, traceparent: Option<String>) {
    let Some(event) = &step.event else { return };
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
            batch.add_traced(&message, traceparent);
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
            batch.add_traced(&message, traceparent);
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
            batch.add_traced(&message, traceparent);
        }
        Event::Cancelled { .. } => {
            batch.add_traced(&JobCancelled { task_id, sequence, external_id, occurred_at }, traceparent);
        }
    }
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
    v1::StoredFile {
        key: file.key.clone(),
        content_type: file.content_type.clone(),
        size: file.size,
        sha256: file.sha256.map(Vec::from).unwrap_or_default(),
    }
}
