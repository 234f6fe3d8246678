use chrono::{DateTime, Utc};
use prost::Message as _;
use zoetrope_contracts::{datetime, tasks::v1 as wire};
use zoetrope_domain::{AccountOwner, FeedPosition, OwnerGeneration, Progress, TaskId, TaskStatus, TaskStep, UserId};

/// The public state of a task at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSnapshot {
    pub task_id: TaskId,
    pub user_id: UserId,
    /// Which of the account's owners made it.
    pub owner_generation: OwnerGeneration,
    /// Starts at 1 and grows with each change.
    pub version: u64,
    /// Its place in the feed of its owner; the start if its sender knew none. Grows with the version.
    pub position: FeedPosition,
    pub status: TaskStatus,
    pub progress: Progress,
    pub step: TaskStep,
    /// The provider's id.
    pub external_id: Option<String>,
    /// Seconds of video asked for.
    pub seconds: Option<u32>,
    /// `WIDTHxHEIGHT` in pixels.
    pub size: Option<String>,
    /// Its owner wants its end, and the provider has not answered yet.
    pub cancel_requested: bool,
    /// Present exactly when the status is terminal.
    pub ending: Option<Ending>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Completed(TaskOutput),
    Failed(TaskFailure),
    Cancelled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskOutput {
    /// Length of the video file in bytes.
    pub video_size: u64,
    pub has_thumbnail: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// Stable code in upper case.
    pub code: String,
    /// Fit for the user's eyes.
    pub message: String,
    pub retryable: bool,
}

/// A `TaskUpdated` that is none; trying again would not mend it.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTask {
    #[error("not a TaskUpdated message")]
    Encoding(#[from] prost::DecodeError),
    #[error("TaskUpdated without a valid {0}")]
    Field(&'static str),
}

impl TaskSnapshot {
    /// Reads an encoded `zoetrope.tasks.v1.TaskUpdated`.
    pub fn decode(payload: &[u8]) -> Result<Self, InvalidTask> {
        wire::TaskUpdated::decode(payload)?.try_into()
    }

    pub const fn owner(&self) -> AccountOwner {
        AccountOwner { user_id: self.user_id, generation: self.owner_generation }
    }

    /// Nothing will change any more.
    pub fn has_ended(&self) -> bool {
        self.ending.is_some()
    }
}

impl TryFrom<wire::TaskUpdated> for TaskSnapshot {
    type Error = InvalidTask;

    fn try_from(message: wire::TaskUpdated) -> Result<Self, InvalidTask> {
        let (status, ending) = status(&message)?;
        let version = i64::try_from(message.version).ok().filter(|version| *version > 0);
        Ok(Self {
            task_id: message.task_id.parse().map_err(|_| InvalidTask::Field("task_id"))?,
            user_id: message.user_id.parse().map_err(|_| InvalidTask::Field("user_id"))?,
            owner_generation: OwnerGeneration::new(message.owner_generation),
            version: version.ok_or(InvalidTask::Field("version"))?.unsigned_abs(),
            position: FeedPosition::clamped(message.feed_position),
            status,
            progress: Progress::clamped(message.progress),
            step: step(message.step())?,
            external_id: present(message.external_id),
            seconds: Some(message.seconds).filter(|seconds| *seconds > 0),
            size: present(message.size),
            cancel_requested: message.cancel_requested,
            ending,
            created_at: datetime(message.created_at.as_ref()).ok_or(InvalidTask::Field("created_at"))?,
            started_at: datetime(message.started_at.as_ref()),
            completed_at: datetime(message.completed_at.as_ref()),
            updated_at: datetime(message.updated_at.as_ref()).ok_or(InvalidTask::Field("updated_at"))?,
        })
    }
}

fn status(message: &wire::TaskUpdated) -> Result<(TaskStatus, Option<Ending>), InvalidTask> {
    Ok(match message.status() {
        wire::TaskStatus::Unspecified => return Err(InvalidTask::Field("status")),
        wire::TaskStatus::Queued => (TaskStatus::Queued, None),
        wire::TaskStatus::Processing => (TaskStatus::Processing, None),
        wire::TaskStatus::Completed => {
            let result = message.result.as_ref().ok_or(InvalidTask::Field("result"))?;
            let output = TaskOutput { video_size: result.video_size, has_thumbnail: result.has_thumbnail };
            (TaskStatus::Completed, Some(Ending::Completed(output)))
        }
        wire::TaskStatus::Failed => {
            let error = message.error.as_ref().ok_or(InvalidTask::Field("error"))?;
            let failure = TaskFailure { code: error.code.clone(), message: error.message.clone(), retryable: error.retryable };
            (TaskStatus::Failed, Some(Ending::Failed(failure)))
        }
        wire::TaskStatus::Cancelled => (TaskStatus::Cancelled, Some(Ending::Cancelled)),
    })
}

fn step(step: wire::TaskStep) -> Result<TaskStep, InvalidTask> {
    Ok(match step {
        wire::TaskStep::Unspecified => return Err(InvalidTask::Field("step")),
        wire::TaskStep::Validated => TaskStep::Validated,
        wire::TaskStep::Queued => TaskStep::Queued,
        wire::TaskStep::Submitted => TaskStep::Submitted,
        wire::TaskStep::Generating => TaskStep::Generating,
        wire::TaskStep::Downloading => TaskStep::Downloading,
        wire::TaskStep::Storing => TaskStep::Storing,
        wire::TaskStep::Stored => TaskStep::Stored,
    })
}

/// An empty text is how the wire says that there is none.
fn present(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, message};

    #[test]
    fn a_message_reads_as_what_it_says() {
        let mut sent = message(1, 3, wire::TaskStatus::Processing);
        sent.progress = 40;
        let task = TaskSnapshot::decode(&sent.encode_to_vec()).unwrap();
        assert_eq!((task.task_id, task.user_id, task.version), (fixtures::task_id(1), fixtures::user_id(1), 3));
        assert_eq!((task.status, task.progress.get(), task.step), (TaskStatus::Processing, 40, TaskStep::Generating));
        assert_eq!(task.external_id.as_deref(), Some("ext-1"));
        assert_eq!((task.seconds, task.size.as_deref()), (Some(8), Some("1280x720")));
        assert!(!task.has_ended());
    }

    #[test]
    fn what_the_wire_leaves_empty_is_absent() {
        let sent = wire::TaskUpdated {
            external_id: String::new(),
            size: String::new(),
            seconds: 0,
            ..message(1, 1, wire::TaskStatus::Queued)
        };
        let task = TaskSnapshot::try_from(sent).unwrap();
        assert_eq!((task.external_id, task.size, task.seconds), (None, None, None));
    }

    #[test]
    fn every_ending_is_told() {
        let ending = |status| TaskSnapshot::try_from(message(1, 4, status)).unwrap().ending;
        assert_eq!(
            ending(wire::TaskStatus::Completed),
            Some(Ending::Completed(TaskOutput { video_size: 1_234_567, has_thumbnail: true }))
        );
        assert!(matches!(ending(wire::TaskStatus::Failed), Some(Ending::Failed(failure)) if failure.code == "GENERATION_FAILED"));
        assert_eq!(ending(wire::TaskStatus::Cancelled), Some(Ending::Cancelled));
    }

    #[test]
    fn a_message_with_holes_is_refused_by_name() {
        let good = message(1, 1, wire::TaskStatus::Completed);
        let refused = |message: wire::TaskUpdated| TaskSnapshot::try_from(message).unwrap_err().to_string();
        let cases = [
            ("task_id", wire::TaskUpdated { task_id: "7".to_owned(), ..good.clone() }),
            ("user_id", wire::TaskUpdated { user_id: String::new(), ..good.clone() }),
            ("version", wire::TaskUpdated { version: 0, ..good.clone() }),
            ("version", wire::TaskUpdated { version: u64::MAX, ..good.clone() }),
            ("status", wire::TaskUpdated { status: 99, ..good.clone() }),
            ("step", wire::TaskUpdated { step: 0, ..good.clone() }),
            ("result", wire::TaskUpdated { result: None, ..good.clone() }),
            ("created_at", wire::TaskUpdated { created_at: None, ..good.clone() }),
            ("updated_at", wire::TaskUpdated { updated_at: None, ..good.clone() }),
            ("error", wire::TaskUpdated { status: wire::TaskStatus::Failed.into(), error: None, ..good }),
        ];
        for (field, message) in cases {
            assert_eq!(refused(message), format!("TaskUpdated without a valid {field}"));
        }
        assert!(matches!(TaskSnapshot::decode(&[0xff; 4]), Err(InvalidTask::Encoding(_))));
    }
}
