//! The video object on the wire.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::{
    faults::Failure,
    video::{KEPT_SECONDS, Stage, Video},
};

/// Times are Unix seconds; `seconds` is a string, as the real API has it.
#[derive(Debug, Serialize)]
pub(super) struct VideoView {
    id: String,
    object: &'static str,
    created_at: i64,
    completed_at: Option<i64>,
    expires_at: Option<i64>,
    status: &'static str,
    progress: u8,
    model: String,
    prompt: String,
    seconds: String,
    size: String,
    error: Option<Failure>,
    remixed_from_video_id: Option<String>,
    metadata: Metadata,
    /// Not in the real API, but in those of many resellers.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    idempotency_key: Option<String>,
}

impl VideoView {
    pub(super) fn new(video: &Video, now: DateTime<Utc>) -> Self {
        let (status, progress, completed_at, error) = match video.stage(now) {
            Stage::Queued => ("queued", 0, None, None),
            Stage::InProgress(percent) => ("in_progress", percent, None, None),
            Stage::Completed { at } => ("completed", 100, Some(at), None),
            Stage::Failed { failure } => ("failed", 0, None, Some(failure)),
        };
        let order = &video.order;
        Self {
            id: video.id.clone(),
            object: "video",
            created_at: video.created_at.timestamp(),
            completed_at: completed_at.map(|at| at.timestamp()),
            expires_at: completed_at.map(|at| (at + TimeDelta::seconds(KEPT_SECONDS)).timestamp()),
            status,
            progress,
            model: order.model.clone(),
            prompt: order.prompt.clone(),
            seconds: order.seconds.to_string(),
            size: order.size.to_string(),
            error,
            remixed_from_video_id: None,
            metadata: Metadata { idempotency_key: order.idempotency_key.clone() },
            url: None,
        }
    }

    pub(super) fn with_url(self, url: Option<String>) -> Self {
        Self { url, ..self }
    }
}
