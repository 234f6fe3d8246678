use chrono::{DateTime, Utc};
use prost::{Message, Name};
use zoetrope_bus::{BoxError, HandleError, Handler, IncomingMessage};
use zoetrope_contracts::{
    datetime,
    jobs::v1::{JobCancelled, JobFailed, JobPhase as PhaseMessage, JobProgressed, JobSucceeded},
};
use zoetrope_domain::{JobPhase, Progress};

use super::handle_error;
use crate::{
    commands::{ApplyError, Commands, JobOutcome, JobReport},
    sha256::Sha256,
    task::{Failure, VideoOutput},
};

/// Brings tasks up to date with what the poller reports.
pub struct JobEvents {
    pub commands: Commands,
}

impl Handler for JobEvents {
    async fn handle(&self, message: IncomingMessage) -> Result<(), HandleError> {
        let now = Utc::now();
        let report = read(&message.message_type, &message.payload, now).map_err(HandleError::Poison)?;
        match self.commands.apply_job(&report, now).await {
            Ok(_) => Ok(()),
            Err(ApplyError::Database(error)) => Err(handle_error(error)),
            Err(error @ ApplyError::UnknownTask(_)) => Err(HandleError::poison(error)),
        }
    }
}

fn read(message_type: &str, payload: &[u8], now: DateTime<Utc>) -> Result<JobReport, BoxError> {
    let report = if message_type == JobProgressed::full_name() {
        let event = JobProgressed::decode(payload)?;
        let outcome = JobOutcome::Progressed { phase: phase(event.phase()), progress: Progress::clamped(event.progress) };
        JobReport {
            task_id: event.task_id.parse()?,
            sequence: event.sequence,
            external_id: Some(event.external_id),
            occurred_at: datetime(event.occurred_at.as_ref()).unwrap_or(now),
            outcome,
        }
    } else if message_type == JobSucceeded::full_name() {
        let event = JobSucceeded::decode(payload)?;
        let video = event.video.ok_or("a success without a video")?;
        JobReport {
            task_id: event.task_id.parse()?,
            sequence: event.sequence,
            external_id: Some(event.external_id),
            occurred_at: datetime(event.occurred_at.as_ref()).unwrap_or(now),
            outcome: JobOutcome::Succeeded(VideoOutput {
                video_size: video.size,
                // An older poller tells none.
                video_sha256: Sha256::try_from(video.sha256.as_slice()).ok(),
                has_thumbnail: event.thumbnail.is_some(),
            }),
        }
    } else if message_type == JobFailed::full_name() {
        let event = JobFailed::decode(payload)?;
        JobReport {
            task_id: event.task_id.parse()?,
            sequence: event.sequence,
            external_id: Some(event.external_id),
            occurred_at: datetime(event.occurred_at.as_ref()).unwrap_or(now),
            outcome: JobOutcome::Failed(Failure { code: event.code, message: event.message, retryable: event.retryable }),
        }
    } else if message_type == JobCancelled::full_name() {
        let event = JobCancelled::decode(payload)?;
        JobReport {
            task_id: event.task_id.parse()?,
            sequence: event.sequence,
            external_id: Some(event.external_id),
            occurred_at: datetime(event.occurred_at.as_ref()).unwrap_or(now),
            outcome: JobOutcome::Cancelled,
        }
    } else {
        return Err(format!("a message of type {message_type:?} is not for this queue").into());
    };
    // The column is signed, and a poller counts from 1.
    if report.sequence == 0 || i64::try_from(report.sequence).is_err() {
        return Err(format!("{} is not the number of a job event", report.sequence).into());
    }
    Ok(JobReport { external_id: report.external_id.filter(|id| !id.is_empty()), ..report })
}

/// A phase that only a newer poller knows counts as the earliest: the percentage says more, and a step never goes back.
const fn phase(phase: PhaseMessage) -> JobPhase {
    match phase {
        PhaseMessage::Unspecified | PhaseMessage::Submitted => JobPhase::Submitted,
        PhaseMessage::Generating => JobPhase::Generating,
        PhaseMessage::Storing => JobPhase::Storing,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use zoetrope_contracts::{jobs::v1::StoredFile, timestamp};
    use zoetrope_domain::TaskId;

    use super::*;
    use crate::task::tests::NOW;

    fn read_message<M: Message + Name>(message: &M) -> Result<JobReport, BoxError> {
        read(&M::full_name(), &message.encode_to_vec(), NOW)
    }

    fn task_id() -> TaskId {
        TaskId::new(Uuid::from_u128(7))
    }

    fn succeeded() -> JobSucceeded {
        JobSucceeded {
            task_id: task_id().to_string(),
            sequence: 5,
            external_id: "video_upstream".to_owned(),
            video: Some(StoredFile { size: 1234, sha256: vec![7; 32], ..StoredFile::default() }),
            thumbnail: None,
            occurred_at: Some(timestamp(NOW)),
        }
    }

    #[test]
    fn reports_are_read() {
        let report = read_message(&succeeded()).unwrap();
        let expected = JobReport {
            task_id: task_id(),
            sequence: 5,
            external_id: Some("video_upstream".to_owned()),
            occurred_at: NOW,
            outcome: JobOutcome::Succeeded(VideoOutput {
                video_size: 1234,
                video_sha256: Some([7; 32].into()),
                has_thumbnail: false,
            }),
        };
        assert_eq!(report, expected);
        for unknown in [vec![], vec![7; 31]] {
            let video = Some(StoredFile { size: 1234, sha256: unknown, ..StoredFile::default() });
            let report = read_message(&JobSucceeded { video, ..succeeded() }).unwrap();
            let output = VideoOutput { video_size: 1234, video_sha256: None, has_thumbnail: false };
            assert_eq!(report.outcome, JobOutcome::Succeeded(output));
        }

        let progressed =
            JobProgressed { task_id: task_id().to_string(), sequence: 1, phase: 77, progress: 250, ..JobProgressed::default() };
        let report = read_message(&progressed).unwrap();
        assert_eq!((report.external_id, report.occurred_at), (None, NOW));
        assert_eq!(report.outcome, JobOutcome::Progressed { phase: JobPhase::Submitted, progress: Progress::FULL });

        let failed = JobFailed {
            task_id: task_id().to_string(),
            sequence: 2,
            code: "X".to_owned(),
            retryable: true,
            ..JobFailed::default()
        };
        let failure = Failure { code: "X".to_owned(), message: String::new(), retryable: true };
        assert_eq!(read_message(&failed).unwrap().outcome, JobOutcome::Failed(failure));

        let cancelled = JobCancelled { task_id: task_id().to_string(), sequence: 3, ..JobCancelled::default() };
        let report = read_message(&cancelled).unwrap();
        assert_eq!((report.sequence, report.external_id, report.outcome), (3, None, JobOutcome::Cancelled));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        assert!(read_message(&JobSucceeded { task_id: "seven".to_owned(), ..succeeded() }).is_err());
        assert!(read_message(&JobSucceeded { video: None, ..succeeded() }).is_err());
        assert!(read_message(&JobSucceeded { sequence: 0, ..succeeded() }).is_err());
        assert!(read_message(&JobSucceeded { sequence: u64::MAX, ..succeeded() }).is_err());
        assert!(read("zoetrope.jobs.v1.JobSucceeded", b"\xff\xff", NOW).is_err());
        assert!(read("zoetrope.jobs.v1.JobPaused", b"", NOW).is_err());
    }
}
