//! Tasks for unit tests, numbered so that each test reads as a story of small numbers.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use zoetrope_contracts::{tasks::v1 as wire, timestamp};
use zoetrope_domain::{FeedPosition, TaskId, UserId};

use crate::task::{TaskSnapshot, Update};

/// When each task of these tests was created.
pub const CREATED: DateTime<Utc> = DateTime::from_timestamp(1_763_700_000, 0).unwrap();

pub fn task_id(number: u128) -> TaskId {
    TaskId::new(Uuid::from_u128(number))
}

pub fn user_id(number: u128) -> UserId {
    UserId::new(Uuid::from_u128(0xA000 + number))
}

/// A state of a task of user 1: queued for 2 s, then changed every 10 s.
pub fn message(task: u128, version: u64, status: wire::TaskStatus) -> wire::TaskUpdated {
    let started = CREATED + TimeDelta::seconds(2);
    let updated = CREATED + TimeDelta::seconds(10 * i64::try_from(version).unwrap_or(0));
    let ended = matches!(status, wire::TaskStatus::Completed | wire::TaskStatus::Failed | wire::TaskStatus::Cancelled);
    let (progress, step) = match status {
        wire::TaskStatus::Completed => (100, wire::TaskStep::Stored),
        wire::TaskStatus::Queued => (0, wire::TaskStep::Queued),
        _ => (25, wire::TaskStep::Generating),
    };
    wire::TaskUpdated {
        task_id: task_id(task).to_string(),
        user_id: user_id(1).to_string(),
        version,
        status: status.into(),
        progress,
        step: step.into(),
        kind: "text_to_video".to_owned(),
        model: "sora-2".to_owned(),
        external_id: format!("ext-{task}"),
        seconds: 8,
        size: "1280x720".to_owned(),
        result: (status == wire::TaskStatus::Completed)
            .then_some(wire::TaskResult { video_size: 1_234_567, has_thumbnail: true }),
        error: (status == wire::TaskStatus::Failed).then(|| wire::TaskError {
            code: "GENERATION_FAILED".to_owned(),
            message: "the provider gave up".to_owned(),
            retryable: true,
        }),
        created_at: Some(timestamp(CREATED)),
        started_at: (status != wire::TaskStatus::Queued).then(|| timestamp(started)),
        completed_at: ended.then(|| timestamp(updated)),
        updated_at: Some(timestamp(updated)),
        cancel_requested: false,
        feed_position: 0,
        callback_url: String::new(),
        owner_generation: 0,
    }
}

fn update(message: wire::TaskUpdated) -> Arc<Update> {
    Arc::new(Update::new(TaskSnapshot::try_from(message).unwrap(), None))
}

pub fn queued(task: u128, version: u64) -> Arc<Update> {
    update(message(task, version, wire::TaskStatus::Queued))
}

pub fn processing(task: u128, version: u64, progress: u32) -> Arc<Update> {
    update(wire::TaskUpdated { progress, ..message(task, version, wire::TaskStatus::Processing) })
}

pub fn completed(task: u128, version: u64) -> Arc<Update> {
    update(message(task, version, wire::TaskStatus::Completed))
}

pub fn failed(task: u128, version: u64) -> Arc<Update> {
    update(message(task, version, wire::TaskStatus::Failed))
}

pub fn cancelled(task: u128, version: u64) -> Arc<Update> {
    update(message(task, version, wire::TaskStatus::Cancelled))
}

/// A running task of somebody else.
pub fn of_user(user: u128, task: u128, version: u64) -> Arc<Update> {
    let message = message(task, version, wire::TaskStatus::Processing);
    update(wire::TaskUpdated { user_id: user_id(user).to_string(), ..message })
}

/// The same state, at this place of its owner's feed.
pub fn placed(position: u64, update: &Update) -> Arc<Update> {
    let task = TaskSnapshot { position: FeedPosition::clamped(position), ..update.task.clone() };
    Arc::new(Update::new(task, update.traceparent.clone()))
}
