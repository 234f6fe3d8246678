//! A task as this service knows it, apart from how it is stored or shown.

use chrono::{DateTime, Utc};
use zoetrope_domain::{
    AccountOwner, Credits, OwnerGeneration, TaskId, TaskKind, TaskState, TaskStatus, UserId, VideoOrder, VideoSize,
};

use crate::sha256::Sha256;

/// One generation that a user asked and paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub id: TaskId,
    pub user_id: UserId,
    /// Which of the account's owners asked for it.
    pub owner_generation: OwnerGeneration,
    pub kind: TaskKind,
    pub state: TaskState,
    pub model: String,
    pub provider: String,
    /// What was paid, and what a failure or a cancellation gives back.
    pub price: Credits,
    pub prompt: String,
    pub input: VideoInputs,
    /// Present when completed.
    pub output: Option<VideoOutput>,
    /// Present when failed.
    pub failure: Option<Failure>,
    /// The provider's id, once it is known.
    pub external_id: Option<String>,
    /// The client's own id, by which it finds a task whose answer was lost.
    pub client_request_id: Option<String>,
    /// Where its owner wants to be told how it ends.
    pub callback_url: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// When the provider took it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, in whichever way.
    pub completed_at: Option<DateTime<Utc>>,
    /// When its owner asked for the end of what a provider had.
    pub cancel_requested_at: Option<DateTime<Utc>>,
}

/// What a video is made from, beside the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoInputs {
    pub seconds: u32,
    pub size: VideoSize,
    pub watermark: bool,
    pub reference_image: Option<ReferenceImage>,
}

/// The picture that a video starts from, as it lies in object storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceImage {
    /// Object key.
    pub key: String,
    pub content_type: String,
    /// Length in bytes.
    pub size: u64,
}

/// What came of a completed video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoOutput {
    /// Length of the file in bytes.
    pub video_size: u64,
    /// Of that file; unknown for videos that were stored before it was recorded.
    pub video_sha256: Option<Sha256>,
    pub has_thumbnail: bool,
}

/// Why a task ended without a result, in words for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

/// What a task makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    Video,
    Image,
}

impl MediaType {
    pub const fn of(kind: TaskKind) -> Self {
        match kind {
            TaskKind::TextToVideo | TaskKind::ImageToVideo => Self::Video,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Video => "VIDEO",
            Self::Image => "IMAGE",
        }
    }
}

impl Task {
    /// A task that was just accepted.
    pub fn new(
        id: TaskId,
        owner: AccountOwner,
        order: VideoOrder,
        reference_image: Option<ReferenceImage>,
        client_request_id: Option<String>,
        callback_url: Option<String>,
        now: DateTime<Utc>,
    ) -> Self {
        let kind = if reference_image.is_some() { TaskKind::ImageToVideo } else { TaskKind::TextToVideo };
        Self {
            id,
            user_id: owner.user_id,
            owner_generation: owner.generation,
            kind,
            state: TaskState::created(),
            model: order.model,
            provider: order.provider,
            price: order.price,
            prompt: order.prompt,
            input: VideoInputs { seconds: order.seconds, size: order.size, watermark: order.watermark, reference_image },
            output: None,
            failure: None,
            external_id: None,
            client_request_id,
            callback_url,
            created_at: now,
            updated_at: now,
            started_at: None,
            completed_at: None,
            cancel_requested_at: None,
        }
    }

    /// Which of the account's owners asked for it.
    pub const fn owner(&self) -> AccountOwner {
        AccountOwner { user_id: self.user_id, generation: self.owner_generation }
    }

    /// The task as it was when it was accepted, whatever has become of it.
    pub fn at_creation(self) -> Self {
        Self {
            state: TaskState::created(),
            output: None,
            failure: None,
            external_id: None,
            updated_at: self.created_at,
            started_at: None,
            completed_at: None,
            cancel_requested_at: None,
            ..self
        }
    }

    /// Takes on a new state. `moment` is when it came about; clocks differ between machines, so it is kept within the task's life.
    pub fn enter(&mut self, state: TaskState, moment: DateTime<Utc>, now: DateTime<Utc>) {
        let now = now.max(self.created_at);
        let moment = moment.clamp(self.created_at, now);
        if state.status == TaskStatus::Processing && self.started_at.is_none() {
            self.started_at = Some(moment);
        }
        if state.status.is_terminal() {
            self.completed_at = Some(moment);
        }
        if state.cancel_requested && self.cancel_requested_at.is_none() {
            self.cancel_requested_at = Some(moment);
        }
        self.state = state;
        self.updated_at = now;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::TimeDelta;
    use uuid::Uuid;
    use zoetrope_domain::{AspectRatio, Cancellation, JobEvent, JobPhase, Progress, Transition};

    use super::*;

    pub(crate) const NOW: DateTime<Utc> = DateTime::from_timestamp(1_763_700_000, 123_456_000).unwrap();

    pub(crate) fn task() -> Task {
        let order = VideoOrder {
            prompt: "a red kite".to_owned(),
            model: "sora-2".to_owned(),
            provider: "openai".to_owned(),
            price: Credits::new(100).unwrap(),
            seconds: 10,
            size: AspectRatio::Landscape.default_size(),
            watermark: false,
        };
        Task::new(
            TaskId::new(Uuid::from_u128(7)),
            AccountOwner { user_id: UserId::new(Uuid::from_u128(1)), generation: OwnerGeneration::FIRST },
            order,
            None,
            Some("mine".to_owned()),
            None,
            NOW,
        )
    }

    pub(crate) fn after(mut task: Task, sequence: u64, event: JobEvent) -> Task {
        let Transition::To(state) = task.state.apply_job(sequence, event) else { panic!("{event:?} changed nothing") };
        task.enter(state, NOW + TimeDelta::seconds(1), NOW + TimeDelta::seconds(2));
        task
    }

    const STARTED: JobEvent = JobEvent::Progressed { phase: JobPhase::Generating, progress: Progress::NONE };

    /// A running task whose owner wants its end.
    pub(crate) fn cancel_requested() -> Task {
        let mut task = after(task(), 1, STARTED);
        let Ok(Cancellation::Requested(state)) = task.state.cancel() else { panic!("not requested") };
        task.enter(state, NOW + TimeDelta::seconds(3), NOW + TimeDelta::seconds(3));
        task
    }

    #[test]
    fn times_of_start_and_end_are_kept_once() {
        let running = after(task(), 1, STARTED);
        assert_eq!(running.started_at, Some(NOW + TimeDelta::seconds(1)));
        let mut later = running.clone();
        let Transition::To(state) = later.state.apply_job(2, STARTED) else { panic!("nothing changed") };
        later.enter(state, NOW + TimeDelta::seconds(5), NOW + TimeDelta::seconds(5));
        assert_eq!(later.started_at, running.started_at);
        assert_eq!((later.completed_at, later.updated_at), (None, NOW + TimeDelta::seconds(5)));
        assert!(after(later, 3, JobEvent::Failed).completed_at.is_some());
    }

    #[test]
    fn the_time_of_a_cancel_request_is_kept_once() {
        let requested = cancel_requested();
        assert_eq!((requested.cancel_requested_at, requested.completed_at), (Some(NOW + TimeDelta::seconds(3)), None));
        let mut later = requested.clone();
        let Transition::To(state) = later.state.apply_job(2, JobEvent::Cancelled) else { panic!("nothing changed") };
        later.enter(state, NOW + TimeDelta::seconds(9), NOW + TimeDelta::seconds(9));
        assert_eq!(later.cancel_requested_at, requested.cancel_requested_at);
        assert_eq!(later.completed_at, Some(NOW + TimeDelta::seconds(9)));
    }

    #[test]
    fn a_wrong_clock_elsewhere_does_not_turn_time_around() {
        let mut early = task();
        let Transition::To(state) = early.state.apply_job(1, STARTED) else { panic!("nothing changed") };
        early.enter(state, NOW - TimeDelta::hours(1), NOW - TimeDelta::seconds(1));
        assert_eq!((early.started_at, early.updated_at), (Some(NOW), NOW));
    }

    #[test]
    fn the_first_answer_can_be_given_again() {
        let mut ended = after(cancel_requested(), 2, JobEvent::Failed);
        ended.failure = Some(Failure { code: "X".to_owned(), message: "no".to_owned(), retryable: false });
        ended.external_id = Some("video_1".to_owned());
        assert_eq!(ended.at_creation(), task());
    }
}
