use chrono::{DateTime, Utc};
use zoetrope_contracts::{datetime, jobs::v1::SubmitJob};
use zoetrope_domain::TaskId;

use crate::job::StoredFile;

/// What was asked for. Not printable: prompts are not logged.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) task_id: TaskId,
    /// By task-api's clock.
    pub(crate) ordered_at: DateTime<Utc>,
    /// In the domain's words, for example "text_to_video"; a newer task-api may know more kinds than we do.
    pub(crate) kind: String,
    /// Public model name.
    pub(crate) model: String,
    pub(crate) provider: String,
    pub(crate) prompt: String,
    /// Length of the video; 0 leaves it to the provider.
    pub(crate) seconds: u32,
    /// "WIDTHxHEIGHT"; empty leaves it to the provider.
    pub(crate) size: String,
    pub(crate) watermark: bool,
    pub(crate) reference: Option<StoredFile>,
}

impl Order {
    /// Takes everything as it comes; what makes no sense is found when the request is prepared, and then ends the job.
    pub(crate) fn new(task_id: TaskId, message: SubmitJob) -> Self {
        let video = message.video.unwrap_or_default();
        let reference = video.reference_image.map(|file| StoredFile {
            key: file.key,
            content_type: file.content_type,
            size: file.size,
            sha256: None,
        });
        Self {
            task_id,
            // Without a time it may be of any age.
            ordered_at: datetime(message.created_at.as_ref()).unwrap_or(DateTime::UNIX_EPOCH),
            kind: message.kind,
            model: message.model,
            provider: message.provider,
            prompt: video.prompt,
            seconds: video.seconds,
            size: video.size,
            watermark: video.watermark,
            reference,
        }
    }
}
