use std::str::FromStr;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::{AsChangeset, Insertable, Queryable, Selectable},
    result::Error,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;
use zoetrope_domain::{Credits, OwnerGeneration, Progress, TaskId, TaskState, UserId, VideoSize};

use super::schema::tasks;
use crate::{
    sha256::Sha256,
    task::{Failure, ReferenceImage, Task, VideoInputs, VideoOutput},
};

/// A row of `tasks`.
// With NULL for what is absent: where DEFAULT could stand instead, diesel prepares the statement anew each time.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = tasks, treat_none_as_default_value = false, check_for_backend(diesel::pg::Pg))]
pub(super) struct TaskRow {
    id: Uuid,
    user_id: Uuid,
    kind: String,
    status: String,
    progress: i16,
    step: String,
    version: i64,
    job_sequence: i64,
    model: String,
    provider: String,
    price: i64,
    prompt: String,
    input: Value,
    output: Option<Value>,
    external_id: Option<String>,
    client_request_id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    error_retryable: Option<bool>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    cancel_requested_at: Option<DateTime<Utc>>,
    callback_url: Option<String>,
    owner_generation: i64,
}

/// What changes while a task runs.
#[derive(AsChangeset)]
#[diesel(table_name = tasks, treat_none_as_null = true)]
pub(super) struct TaskChange {
    status: String,
    progress: i16,
    step: String,
    version: i64,
    job_sequence: i64,
    output: Option<Value>,
    external_id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    error_retryable: Option<bool>,
    updated_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    cancel_requested_at: Option<DateTime<Utc>>,
}

/// `tasks.input` of a video.
#[derive(Serialize, Deserialize)]
struct InputJson {
    seconds: u32,
    size: VideoSize,
    watermark: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference_image: Option<FileJson>,
}

#[derive(Serialize, Deserialize)]
struct FileJson {
    key: String,
    content_type: String,
    size: u64,
}

/// `tasks.output` of a video.
#[derive(Serialize, Deserialize)]
struct OutputJson {
    video_size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    video_sha256: Option<Sha256>,
    has_thumbnail: bool,
}

impl TryFrom<&Task> for TaskRow {
    type Error = Error;

    fn try_from(task: &Task) -> Result<Self, Error> {
        let change = TaskChange::try_from(task)?;
        let input = &task.input;
        Ok(Self {
            id: task.id.as_uuid(),
            user_id: task.user_id.as_uuid(),
            kind: task.kind.as_str().to_owned(),
            status: change.status,
            progress: change.progress,
            step: change.step,
            version: change.version,
            job_sequence: change.job_sequence,
            model: task.model.clone(),
            provider: task.provider.clone(),
            price: task.price.get(),
            prompt: task.prompt.clone(),
            input: to_json(InputJson {
                seconds: input.seconds,
                size: input.size,
                watermark: input.watermark,
                reference_image: input.reference_image.as_ref().map(|file| FileJson {
                    key: file.key.clone(),
                    content_type: file.content_type.clone(),
                    size: file.size,
                }),
            })?,
            output: change.output,
            external_id: change.external_id,
            client_request_id: task.client_request_id.clone(),
            error_code: change.error_code,
            error_message: change.error_message,
            error_retryable: change.error_retryable,
            created_at: task.created_at,
            updated_at: change.updated_at,
            started_at: change.started_at,
            completed_at: change.completed_at,
            cancel_requested_at: change.cancel_requested_at,
            callback_url: task.callback_url.clone(),
            owner_generation: task.owner_generation.stored(),
        })
    }
}

impl TryFrom<&Task> for TaskChange {
    type Error = Error;

    fn try_from(task: &Task) -> Result<Self, Error> {
        let (state, failure) = (&task.state, task.failure.as_ref());
        let output = task.output.map(|output| {
            to_json(OutputJson {
                video_size: output.video_size,
                video_sha256: output.video_sha256,
                has_thumbnail: output.has_thumbnail,
            })
        });
        Ok(Self {
            status: state.status.as_str().to_owned(),
            progress: state.progress.get().into(),
            step: state.step.as_str().to_owned(),
            version: signed(state.version)?,
            job_sequence: signed(state.job_sequence)?,
            output: output.transpose()?,
            external_id: task.external_id.clone(),
            error_code: failure.map(|failure| failure.code.clone()),
            error_message: failure.map(|failure| failure.message.clone()),
            error_retryable: failure.map(|failure| failure.retryable),
            updated_at: task.updated_at,
            started_at: task.started_at,
            completed_at: task.completed_at,
            cancel_requested_at: task.cancel_requested_at,
        })
    }
}

impl TryFrom<TaskRow> for Task {
    type Error = Error;

    fn try_from(row: TaskRow) -> Result<Self, Error> {
        let input: InputJson = from_json(row.input)?;
        let output = row.output.map(video_output).transpose()?;
        let state = TaskState {
            status: word(&row.status)?,
            progress: Progress::clamped(row.progress.max(0).cast_unsigned().into()),
            step: word(&row.step)?,
            version: unsigned(row.version)?,
            job_sequence: unsigned(row.job_sequence)?,
            cancel_requested: row.cancel_requested_at.is_some(),
        };
        Ok(Self {
            id: TaskId::new(row.id),
            user_id: UserId::new(row.user_id),
            owner_generation: OwnerGeneration::read(row.owner_generation),
            kind: word(&row.kind)?,
            state,
            model: row.model,
            provider: row.provider,
            price: Credits::new(row.price).map_err(unreadable)?,
            prompt: row.prompt,
            input: VideoInputs {
                seconds: input.seconds,
                size: input.size,
                watermark: input.watermark,
                reference_image: input.reference_image.map(|file| ReferenceImage {
                    key: file.key,
                    content_type: file.content_type,
                    size: file.size,
                }),
            },
            output,
            failure: row.error_code.map(|code| Failure {
                code,
                message: row.error_message.unwrap_or_default(),
                retryable: row.error_retryable.unwrap_or_default(),
            }),
            external_id: row.external_id,
            client_request_id: row.client_request_id,
            callback_url: row.callback_url,
            created_at: row.created_at,
            updated_at: row.updated_at,
            started_at: row.started_at,
            completed_at: row.completed_at,
            cancel_requested_at: row.cancel_requested_at,
        })
    }
}

/// Reads `tasks.output`.
pub(super) fn video_output(value: Value) -> Result<VideoOutput, Error> {
    let OutputJson { video_size, video_sha256, has_thumbnail } = from_json(value)?;
    Ok(VideoOutput { video_size, video_sha256, has_thumbnail })
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::DeserializationError(Box::new(error))
}

fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::SerializationError(Box::new(error))
}

fn word<T>(text: &str) -> Result<T, Error>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(unreadable)
}

fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(unreadable)
}

fn to_json(value: impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(value).map_err(unwritable)
}

fn signed(number: u64) -> Result<i64, Error> {
    number.try_into().map_err(unwritable)
}

fn unsigned(number: i64) -> Result<u64, Error> {
    number.try_into().map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use zoetrope_domain::JobEvent;

    use super::*;
    use crate::task::tests::{after, cancel_requested, task};

    fn there_and_back(task: &Task) -> Task {
        TaskRow::try_from(task).and_then(Task::try_from).unwrap()
    }

    #[test]
    fn a_task_survives_the_table() {
        let mut image = task();
        image.input.reference_image =
            Some(ReferenceImage { key: "uploads/x/reference".to_owned(), content_type: "image/png".to_owned(), size: 7 });
        image.owner_generation = OwnerGeneration::new(3);
        image.callback_url = Some("https://example.com/done".to_owned());
        assert_eq!(there_and_back(&image), image);

        let mut completed = after(task(), 3, JobEvent::Succeeded);
        completed.output = Some(VideoOutput { video_size: 1 << 40, video_sha256: Some([7; 32].into()), has_thumbnail: true });
        completed.external_id = Some("video_1".to_owned());
        assert_eq!(there_and_back(&completed), completed);

        assert_eq!(there_and_back(&cancel_requested()), cancel_requested());

        let mut failed = after(task(), 3, JobEvent::Failed);
        failed.failure = Some(Failure { code: "X".to_owned(), message: "no".to_owned(), retryable: true });
        assert_eq!(there_and_back(&failed), failed);
    }

    #[test]
    fn the_output_of_an_older_version_is_read() {
        let old = serde_json::json!({ "video_size": 7, "has_thumbnail": true });
        let output = VideoOutput { video_size: 7, video_sha256: None, has_thumbnail: true };
        assert_eq!(video_output(old), Ok(output));
    }

    #[test]
    fn a_row_that_makes_no_sense_is_an_error() {
        let row = |spoil: fn(&mut TaskRow)| {
            let mut row = TaskRow::try_from(&task()).unwrap();
            spoil(&mut row);
            Task::try_from(row)
        };
        assert!(row(|row| row.status = "done".to_owned()).is_err());
        assert!(row(|row| row.price = -1).is_err());
        assert!(row(|row| row.input = Value::Null).is_err());
    }
}
