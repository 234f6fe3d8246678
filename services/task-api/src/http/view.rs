use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;
use zoetrope_domain::{AspectRatio, TaskStatus, VideoSize};
use zoetrope_http::iso_millis;
use zoetrope_storage::MediaLinks;

use crate::task::{MediaType, Task};

/// A task as its owner sees it. What is not there is `null`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    pub id: Uuid,
    #[schema(example = "video_0198c0de-0000-7000-8000-000000000000")]
    pub video_id: String,
    pub user_id: Uuid,
    /// `QUEUED`, `PROCESSING`, `COMPLETED`, `FAILED` or `CANCELLED`.
    #[schema(example = "PROCESSING")]
    pub status: &'static str,
    /// Percent; 100 only when completed.
    #[schema(maximum = 100)]
    pub progress: u8,
    /// `VIDEO` or `IMAGE`: what is made.
    #[schema(example = "VIDEO")]
    pub media_type: &'static str,
    pub prompt: String,
    #[schema(example = "sora_video2")]
    pub model: String,
    #[schema(example = "1280x720")]
    pub size: String,
    /// Seconds.
    #[schema(example = 10)]
    pub duration: u32,
    #[schema(example = "16:9")]
    pub aspect_ratio: Option<&'static str>,
    pub watermark: bool,
    /// Plays without any header, until it expires; every answer brings a fresh one.
    pub video_url: Option<String>,
    /// For tasks that make images.
    pub image_url: Option<String>,
    pub thumbnail_url: Option<String>,
    /// The provider's id, once it is known.
    pub external_task_id: Option<String>,
    pub metadata: TaskMetadata,
    pub client_request_id: Option<String>,
    #[schema(example = "GENERATION_FAILED")]
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    #[serde(serialize_with = "iso_millis")]
    pub created_at: DateTime<Utc>,
    #[serde(serialize_with = "iso_millis")]
    pub updated_at: DateTime<Utc>,
    #[serde(serialize_with = "optional_iso_millis")]
    pub started_at: Option<DateTime<Utc>>,
    #[serde(serialize_with = "optional_iso_millis")]
    pub completed_at: Option<DateTime<Utc>>,
    /// When its owner asked to cancel what a provider had; the task then ended in whichever way came first.
    #[serde(serialize_with = "optional_iso_millis")]
    pub cancel_requested_at: Option<DateTime<Utc>>,
}

/// Where the older client looks for the provider's id.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskMetadata {
    pub external_task_id: Option<String>,
}

impl TaskView {
    pub fn new(task: Task, links: &MediaLinks, now: DateTime<Utc>) -> Self {
        let (error_code, error_message) = task.failure.map(|failure| (failure.code, failure.message)).unzip();
        Self {
            id: task.id.as_uuid(),
            video_id: task.id.to_video_id(),
            user_id: task.user_id.as_uuid(),
            status: status_word(task.state.status),
            progress: task.state.progress.get(),
            media_type: MediaType::of(task.kind).as_str(),
            prompt: task.prompt,
            model: task.model,
            size: task.input.size.to_string(),
            duration: task.input.seconds,
            aspect_ratio: aspect_ratio(task.input.size).map(AspectRatio::as_str),
            watermark: task.input.watermark,
            video_url: task.output.map(|_| links.video_url(task.id, now)),
            image_url: None,
            thumbnail_url: task.output.filter(|output| output.has_thumbnail).map(|_| links.thumbnail_url(task.id, now)),
            metadata: TaskMetadata { external_task_id: task.external_id.clone() },
            external_task_id: task.external_id,
            client_request_id: task.client_request_id,
            error_code,
            error_message,
            created_at: task.created_at,
            updated_at: task.updated_at,
            started_at: task.started_at,
            completed_at: task.completed_at,
            cancel_requested_at: task.cancel_requested_at,
        }
    }
}

/// A task that was changed, as far as whoever changed it may see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ChangedTask {
    Seen(Box<TaskView>),
    Unseen(TaskState),
}

/// How a task stands, and nothing of what is in it.
#[derive(Debug, Serialize, ToSchema)]
// Tells it from a `TaskView` in the description.
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskState {
    #[schema(example = "video_0198c0de-0000-7000-8000-000000000000")]
    pub video_id: String,
    #[schema(example = "CANCELLED")]
    pub status: &'static str,
}

impl TaskState {
    pub fn of(task: &Task) -> Self {
        Self { video_id: task.id.to_video_id(), status: status_word(task.state.status) }
    }
}

/// The status in the words of family `sora_ui`.
pub const fn status_word(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Queued => "QUEUED",
        TaskStatus::Processing => "PROCESSING",
        TaskStatus::Completed => "COMPLETED",
        TaskStatus::Failed => "FAILED",
        TaskStatus::Cancelled => "CANCELLED",
    }
}

/// The shape that a size has, if it is one that clients name.
pub fn aspect_ratio(size: VideoSize) -> Option<AspectRatio> {
    let cross = |a: u16, b: u16| u32::from(a) * u32::from(b);
    AspectRatio::ALL.into_iter().find(|ratio| {
        let named = ratio.default_size();
        cross(size.width, named.height) == cross(size.height, named.width)
    })
}

pub fn optional_iso_millis<S: Serializer>(moment: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => iso_millis(moment, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use zoetrope_domain::JobEvent;
    use zoetrope_storage::MediaLinkSettings;

    use super::*;
    use crate::task::{
        Failure, VideoOutput,
        tests::{NOW, after, cancel_requested, task},
    };

    fn shown(task: Task) -> Value {
        let links = MediaLinks::new(&MediaLinkSettings {
            public_base_url: "http://host".to_owned(),
            secret: "a secret of some length".into(),
            lifetime_seconds: 3600,
        });
        serde_json::to_value(TaskView::new(task, &links.unwrap(), NOW)).unwrap()
    }

    #[test]
    fn a_new_row_has_every_field() {
        assert_eq!(
            shown(task()),
            json!({
                "id": "00000000-0000-0000-0000-000000000007",
                "videoId": "video_00000000-0000-0000-0000-000000000007",
                "userId": "00000000-0000-0000-0000-000000000001",
                "status": "QUEUED", "progress": 0, "mediaType": "VIDEO",
                "prompt": "a red kite", "model": "sora-2", "size": "1280x720", "duration": 10,
                "aspectRatio": "16:9", "watermark": false,
                "videoUrl": null, "imageUrl": null, "thumbnailUrl": null,
                "externalTaskId": null, "metadata": { "externalTaskId": null }, "clientRequestId": "mine",
                "errorCode": null, "errorMessage": null,
                "createdAt": "2025-11-21T04:40:00.123Z", "updatedAt": "2025-11-21T04:40:00.123Z",
                "startedAt": null, "completedAt": null, "cancelRequestedAt": null,
            })
        );
    }

    #[test]
    fn a_row_tells_of_the_wish_to_cancel() {
        let row = shown(cancel_requested());
        assert_eq!((&row["status"], &row["cancelRequestedAt"]), (&json!("PROCESSING"), &json!("2025-11-21T04:40:03.123Z")));
    }

    #[test]
    fn a_finished_row_has_its_link_and_a_failed_one_its_reason() {
        let mut completed = after(task(), 1, JobEvent::Succeeded);
        completed.output = Some(VideoOutput { video_size: 7, video_sha256: None, has_thumbnail: false });
        completed.external_id = Some("video_upstream".to_owned());
        let row = shown(completed);
        assert!(row["videoUrl"].as_str().unwrap().starts_with("http://host/media/videos/"));
        assert_eq!((&row["thumbnailUrl"], &row["progress"]), (&Value::Null, &json!(100)));
        assert_eq!(
            (&row["externalTaskId"], &row["metadata"]["externalTaskId"]),
            (&json!("video_upstream"), &json!("video_upstream"))
        );
        assert_eq!(row["completedAt"], "2025-11-21T04:40:01.123Z");

        let mut failed = after(task(), 1, JobEvent::Failed);
        failed.failure = Some(Failure { code: "GENERATION_FAILED".to_owned(), message: "no".to_owned(), retryable: true });
        let row = shown(failed);
        assert_eq!(
            (&row["status"], &row["errorCode"], &row["errorMessage"]),
            (&json!("FAILED"), &json!("GENERATION_FAILED"), &json!("no"))
        );
    }

    #[test]
    fn a_shape_is_seen_in_any_size_that_has_it() {
        let shape = |size: &str| aspect_ratio(size.parse().unwrap()).map(AspectRatio::as_str);
        assert_eq!(
            (shape("1920x1080"), shape("1080x1920"), shape("512x512"), shape("1792x1024")),
            (Some("16:9"), Some("9:16"), Some("1:1"), None)
        );
    }
}
