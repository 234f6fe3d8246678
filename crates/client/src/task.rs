//! Video tasks on the wire.

use std::path::PathBuf;

use bytes::Bytes;
use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ClientError;

/// A task to create. Absent values are for the server to choose.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewTask {
    pub prompt: String,
    pub model: String,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<u32>,
    /// `WIDTHxHEIGHT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// `16:9`, `9:16` or `1:1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aspect_ratio: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_request_id: Option<String>,
    /// With an image the task is sent as multipart.
    #[serde(skip)]
    pub reference_image: Option<ReferenceImage>,
    /// Sent as `Idempotency-Key`: the same key and task again give the first answer again.
    #[serde(skip)]
    pub idempotency_key: Option<String>,
}

/// A picture to start from.
#[derive(Debug, Clone)]
pub enum ReferenceImage {
    /// Read while it is sent.
    File(PathBuf),
    Bytes {
        file_name: String,
        content: Bytes,
    },
}

impl NewTask {
    pub fn new(prompt: impl Into<String>, model: impl Into<String>) -> Self {
        Self { prompt: prompt.into(), model: model.into(), ..Self::default() }
    }

    /// The multipart form, with the image in the field `input_reference`.
    pub(crate) async fn form(&self, image: &ReferenceImage) -> Result<Form, ClientError> {
        let mut form = Form::new().text("prompt", self.prompt.clone()).text("model", self.model.clone());
        let fields = [
            ("duration", self.duration.map(|seconds| seconds.to_string())),
            ("size", self.size.clone()),
            ("aspectRatio", self.aspect_ratio.clone()),
            ("watermark", self.watermark.map(|watermark| watermark.to_string())),
            ("clientRequestId", self.client_request_id.clone()),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                form = form.text(name, value);
            }
        }
        let part = match image {
            ReferenceImage::File(path) => {
                Part::file(path).await.map_err(|source| ClientError::File { path: path.clone(), source })?
            }
            ReferenceImage::Bytes { file_name, content } => {
                let length = content.len() as u64;
                Part::stream_with_length(content.clone(), length).file_name(file_name.clone())
            }
        };
        Ok(form.part("input_reference", part))
    }
}

/// A task's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TaskStatus {
    Queued,
    Processing,
    Completed,
    Failed,
    Cancelled,
}

impl TaskStatus {
    /// True when the task will not change any more.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// A task's row.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// `video_<uuid>`; what all other calls take.
    pub video_id: String,
    pub status: TaskStatus,
    /// Percent.
    pub progress: u8,
    pub prompt: String,
    pub model: String,
    pub size: Option<String>,
    /// In seconds.
    pub duration: Option<u32>,
    pub video_url: Option<String>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    /// All other fields.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// Which tasks to list. Absent values are for the server to choose.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListTasks {
    /// From 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TaskStatus>,
    /// `createdAt`, `updatedAt` or `completedAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_by: Option<String>,
    /// `asc` or `desc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

/// One page of tasks.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskPage {
    pub tasks: Vec<Task>,
    /// On all pages.
    pub total: u64,
    pub page: u32,
    pub page_size: u32,
}

/// Where the finished video is.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    pub video_id: String,
    pub external_video_id: Option<String>,
    /// Can be fetched without a header, for a limited time.
    pub url: String,
}
