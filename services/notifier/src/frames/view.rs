//! The parts of a task that frames of both dialects show.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use zoetrope_domain::TaskStatus;
use zoetrope_storage::MediaLinks;

use crate::task::{Ending, TaskFailure, TaskOutput, TaskSnapshot};

/// The status in the words of the WebSocket.
pub fn status_word(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Queued => "queued",
        TaskStatus::Processing => "in_progress",
        TaskStatus::Completed => "completed",
        TaskStatus::Failed => "failed",
        TaskStatus::Cancelled => "cancelled",
    }
}

/// The status in the words of the HTTP API.
pub fn upper_status_word(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Queued => "QUEUED",
        TaskStatus::Processing => "PROCESSING",
        TaskStatus::Completed => "COMPLETED",
        TaskStatus::Failed => "FAILED",
        TaskStatus::Cancelled => "CANCELLED",
    }
}

/// What happens now, for the user's eyes.
pub fn message(task: &TaskSnapshot) -> &str {
    match &task.ending {
        Some(Ending::Completed(_)) => "The video is ready",
        Some(Ending::Failed(failure)) => &failure.message,
        Some(Ending::Cancelled) => "Cancelled",
        None => task.step.describe(task.cancel_requested),
    }
}

/// Seconds until the end, if the rest goes as fast as what is done; none while that cannot be told.
pub fn estimated_seconds_remaining(task: &TaskSnapshot) -> Option<i64> {
    if task.has_ended() {
        return None;
    }
    let elapsed = (task.updated_at - task.started_at?).num_milliseconds();
    let done = i64::from(task.progress.get());
    if elapsed <= 0 || done == 0 {
        return None;
    }
    Some((elapsed * (100 - done) / done + 500) / 1000)
}

/// The `result` of a completed task, with links that play it.
pub fn result(task: &TaskSnapshot, output: TaskOutput, links: &MediaLinks, now: DateTime<Utc>) -> Value {
    json!({
        "videoUrl": links.video_url(task.task_id, now),
        "thumbnailUrl": output.has_thumbnail.then(|| links.thumbnail_url(task.task_id, now)),
        "duration": task.seconds,
        "resolution": task.size,
        "fileSize": output.video_size,
    })
}

/// How long the task took, in seconds: in all, before a provider had it, and after.
pub fn metrics(task: &TaskSnapshot) -> Value {
    let seconds = |from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>| Some(whole_millis(to? - from?));
    json!({
        "totalTime": seconds(Some(task.created_at), task.completed_at),
        "queueTime": seconds(Some(task.created_at), task.started_at),
        "processTime": seconds(task.started_at, task.completed_at),
    })
}

/// Why a task failed.
pub fn error(failure: &TaskFailure) -> Value {
    json!({ "code": failure.code, "message": failure.message, "details": null, "retryable": failure.retryable })
}

pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Seconds with three decimals. Clocks of several machines took part, so a negative time counts as none.
fn whole_millis(time: TimeDelta) -> f64 {
    let millis = u32::try_from(time.num_milliseconds().max(0)).unwrap_or(u32::MAX);
    f64::from(millis) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{cancelled, completed, failed, processing, queued};

    #[test]
    fn the_rest_is_expected_to_go_as_fast() {
        // 18 s after the start, 25 percent are done.
        assert_eq!(estimated_seconds_remaining(&processing(1, 2, 25).task), Some(54));
        assert_eq!(estimated_seconds_remaining(&processing(1, 2, 99).task), Some(0));
    }

    #[test]
    fn nothing_is_expected_without_a_measure() {
        assert_eq!(estimated_seconds_remaining(&processing(1, 2, 0).task), None);
        assert_eq!(estimated_seconds_remaining(&queued(1, 1).task), None);
        assert_eq!(estimated_seconds_remaining(&completed(1, 5).task), None);
        let mut early = processing(1, 2, 25).task.clone();
        early.updated_at = early.created_at;
        assert_eq!(estimated_seconds_remaining(&early), None);
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(metrics(&completed(1, 3).task), json!({ "totalTime": 30.0, "queueTime": 2.0, "processTime": 28.0 }));
        let mut odd = completed(1, 3).task.clone();
        odd.started_at = None;
        odd.completed_at = Some(odd.created_at - TimeDelta::seconds(1));
        assert_eq!(metrics(&odd), json!({ "totalTime": 0.0, "queueTime": null, "processTime": null }));
    }

    #[test]
    fn every_state_has_a_sentence() {
        assert_eq!(message(&queued(1, 1).task), "Waiting for a provider");
        assert_eq!(message(&processing(1, 2, 5).task), "The video is being generated");
        assert_eq!(message(&completed(1, 3).task), "The video is ready");
        assert_eq!(message(&failed(1, 3).task), "the provider gave up");
        assert_eq!(message(&cancelled(1, 3).task), "Cancelled");
        let leaving = TaskSnapshot { cancel_requested: true, ..processing(1, 2, 5).task.clone() };
        assert_eq!(message(&leaving), "The provider is asked to cancel the task");
    }
}
