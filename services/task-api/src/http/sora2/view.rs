use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use zoetrope_domain::{AspectRatio, TaskStatus};
use zoetrope_http::iso_millis;
use zoetrope_storage::MediaLinks;

use crate::{
    http::view::{aspect_ratio, optional_iso_millis},
    live::Seen,
};

/// A video as its owner sees it. What is not there is `null`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VideoView {
    pub id: Uuid,
    pub user_id: Uuid,
    pub prompt: String,
    /// `PENDING`, `PROCESSING`, `COMPLETED`, `FAILED` or `CANCELLED`.
    #[schema(example = "PROCESSING")]
    pub status: &'static str,
    /// Percent; 100 only when completed.
    #[schema(maximum = 100)]
    pub progress: u8,
    #[schema(example = "sora-2")]
    pub model: String,
    /// Seconds.
    #[schema(example = 5)]
    pub duration: u32,
    #[schema(example = "16:9")]
    pub aspect_ratio: Option<&'static str>,
    /// Plays without any header, until it expires.
    pub video_url: Option<String>,
    /// The same as `videoUrl`.
    pub file_url: Option<String>,
    pub thumbnail_url: Option<String>,
    /// Bytes.
    pub file_size: Option<u64>,
    pub cost_credits: i64,
    /// The balance at this moment.
    pub remaining_credits: i64,
    pub error_message: Option<String>,
    #[serde(serialize_with = "iso_millis")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "iso_millis")]
    pub updated_at: DateTime<Utc>,
    #[serde(serialize_with = "optional_iso_millis")]
    pub completed_at: Option<DateTime<Utc>>,
}

impl VideoView {
    pub fn new(Seen { task, balance }: &Seen, links: &MediaLinks, now: DateTime<Utc>) -> Self {
        let video_url = task.output.map(|_| links.video_url(task.id, now));
        Self {
            id: task.id.as_uuid(),
            user_id: task.user_id.as_uuid(),
            prompt: task.prompt.clone(),
            status: status_word(task.state.status),
            progress: task.state.progress.get(),
            model: task.model.clone(),
            duration: task.input.seconds,
            aspect_ratio: aspect_ratio(task.input.size).map(AspectRatio::as_str),
            file_url: video_url.clone(),
            video_url,
            thumbnail_url: task.output.filter(|output| output.has_thumbnail).map(|_| links.thumbnail_url(task.id, now)),
            file_size: task.output.map(|output| output.video_size),
            cost_credits: task.price.get(),
            remaining_credits: *balance,
            error_message: task.failure.as_ref().map(|failure| failure.message.clone()),
            created_at: task.created_at,
            updated_at: task.updated_at,
            completed_at: task.completed_at,
        }
    }
}

/// The status in the words of family `sora2`.
const fn status_word(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Queued => "PENDING",
        TaskStatus::Processing => "PROCESSING",
        TaskStatus::Completed => "COMPLETED",
        TaskStatus::Failed => "FAILED",
        TaskStatus::Cancelled => "CANCELLED",
    }
}
