//! What this service tells the others, in the words of `proto/`.

use zoetrope_contracts::{
    jobs::v1::{CancelJob, StoredFile, SubmitJob, VideoRequest},
    tasks::v1::{TaskCreated, TaskError, TaskResult, TaskStatus as StatusMessage, TaskStep as StepMessage, TaskUpdated},
    timestamp,
};
use zoetrope_domain::{FeedPosition, TaskId, TaskStatus, TaskStep};

use crate::task::Task;

pub fn task_created(task: &Task) -> TaskCreated {
    TaskCreated {
        task_id: task.id.to_string(),
        user_id: task.user_id.to_string(),
        kind: task.kind.as_str().to_owned(),
        model: task.model.clone(),
        price: task.price.get(),
        created_at: Some(timestamp(task.created_at)),
    }
}

pub fn submit_job(task: &Task) -> SubmitJob {
    let input = &task.input;
    SubmitJob {
        task_id: task.id.to_string(),
        user_id: task.user_id.to_string(),
        kind: task.kind.as_str().to_owned(),
        model: task.model.clone(),
        provider: task.provider.clone(),
        video: Some(VideoRequest {
            prompt: task.prompt.clone(),
            seconds: input.seconds,
            size: input.size.to_string(),
            watermark: input.watermark,
            reference_image: input.reference_image.as_ref().map(|file| StoredFile {
                key: file.key.clone(),
                content_type: file.content_type.clone(),
                size: file.size,
                ..StoredFile::default()
            }),
        }),
        created_at: Some(timestamp(task.created_at)),
    }
}

/// For a task that has ended: nobody waits for what becomes of its job.
pub fn cancel_job(task: TaskId) -> CancelJob {
    CancelJob { task_id: task.to_string(), confirm: false }
}

/// For a task that goes on until the job says how it ended.
pub fn request_cancellation(task: TaskId) -> CancelJob {
    CancelJob { task_id: task.to_string(), confirm: true }
}

/// A change of a task, and its place in the feed of its owner.
pub fn task_updated(task: &Task, position: FeedPosition) -> TaskUpdated {
    TaskUpdated {
        task_id: task.id.to_string(),
        user_id: task.user_id.to_string(),
        version: task.state.version,
        status: status(task.state.status).into(),
        progress: task.state.progress.get().into(),
        step: step(task.state.step).into(),
        kind: task.kind.as_str().to_owned(),
        model: task.model.clone(),
        external_id: task.external_id.clone().unwrap_or_default(),
        seconds: task.input.seconds,
        size: task.input.size.to_string(),
        result: task.output.map(|output| TaskResult { video_size: output.video_size, has_thumbnail: output.has_thumbnail }),
        error: task.failure.as_ref().map(|failure| TaskError {
            code: failure.code.clone(),
            message: failure.message.clone(),
            retryable: failure.retryable,
        }),
        created_at: Some(timestamp(task.created_at)),
        started_at: task.started_at.map(timestamp),
        completed_at: task.completed_at.map(timestamp),
        updated_at: Some(timestamp(task.updated_at)),
        cancel_requested: task.state.awaits_cancellation(),
        feed_position: position.get(),
        callback_url: task.callback_url.clone().unwrap_or_default(),
        owner_generation: task.owner_generation.get(),
    }
}

const fn status(status: TaskStatus) -> StatusMessage {
    match status {
        TaskStatus::Queued => StatusMessage::Queued,
        TaskStatus::Processing => StatusMessage::Processing,
        TaskStatus::Completed => StatusMessage::Completed,
        TaskStatus::Failed => StatusMessage::Failed,
        TaskStatus::Cancelled => StatusMessage::Cancelled,
    }
}

const fn step(step: TaskStep) -> StepMessage {
    match step {
        TaskStep::Validated => StepMessage::Validated,
        TaskStep::Queued => StepMessage::Queued,
        TaskStep::Submitted => StepMessage::Submitted,
        TaskStep::Generating => StepMessage::Generating,
        TaskStep::Downloading => StepMessage::Downloading,
        TaskStep::Storing => StepMessage::Storing,
        TaskStep::Stored => StepMessage::Stored,
    }
}
