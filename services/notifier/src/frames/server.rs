use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use zoetrope_domain::{FeedPosition, TaskId, TaskStatus, UserId};

use super::{ConnectionId, Dialect, FrameId, PingStyle};
use crate::{stream::Event, task::Update};

/// Said of a task that does not exist and of one that belongs to somebody else, so that nobody can tell them apart.
pub const NO_SUCH_TASK: &str = "there is no such task";

/// A frame on its way out.
#[derive(Debug)]
pub struct Outgoing {
    pub dialect: Dialect,
    /// The id of the request that it answers.
    pub id: Option<FrameId>,
    /// Whoever has seen this frame, and those before it, resumes from here.
    pub event_id: Option<FeedPosition>,
    pub frame: ServerFrame,
}

/// What the server says.
#[derive(Debug)]
pub enum ServerFrame {
    /// The greeting.
    Connected {
        connection: ConnectionId,
    },
    /// Who the client is now taken for.
    AuthSuccess {
        user: UserId,
        username: String,
        connection: ConnectionId,
        /// `None` for an API key that does not expire.
        expires_at: Option<DateTime<Utc>>,
    },
    AuthFailed {
        error: String,
    },
    /// The token has expired; the connection waits for another.
    AuthExpired,
    SubscribeSuccess(TaskId),
    UnsubscribeSuccess(TaskId),
    /// The client follows everything of its user. Until the next event, it resumes from here.
    UserSubscribed {
        last_event_id: Option<FeedPosition>,
    },
    UserUnsubscribed,
    /// The state at subscription.
    TaskStatus(Arc<Update>),
    /// The answer to a question about a state.
    TaskUpdated(Arc<Update>),
    /// A change: progress or an end.
    Push(Arc<Update>),
    /// A change that happened while the client was away.
    Missed(Arc<Update>),
    /// The client must forget what it knows, of one task or of all: this is how things are.
    Resync {
        task: Option<TaskId>,
        states: Vec<Arc<Update>>,
    },
    /// The connection is about to end; the client is asked to come back after this time.
    Reconnect {
        retry_after: Duration,
    },
    Pong(PingStyle),
    Heartbeat,
    Error {
        code: ErrorCode,
        message: String,
        video_id: Option<String>,
    },
}

/// Why a request was not granted; stable, in the words of the HTTP API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    Validation,
    Unauthorized,
    NotFound,
    TooLarge,
    TooManyConnections,
    RateLimited,
    Unavailable,
}

impl ErrorCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validation => "VALIDATION_ERROR",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::NotFound => "NOT_FOUND",
            Self::TooLarge => "TOO_LARGE",
            Self::TooManyConnections => "TOO_MANY_CONNECTIONS",
            Self::RateLimited => "RATE_LIMITED",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

impl ServerFrame {
    /// Refuses a request, naming its task if it had one.
    pub fn error(code: ErrorCode, message: impl Into<String>, task: Option<TaskId>) -> Self {
        Self::Error { code, message: message.into(), video_id: task.map(TaskId::to_video_id) }
    }
}

/// For who follows everything.
impl From<Event> for ServerFrame {
    fn from(event: Event) -> Self {
        match event {
            Event::Present(update) => Self::TaskStatus(update),
            Event::Missed(update) => Self::Missed(update),
            Event::Change(update) => Self::Push(update),
            Event::Resync(states) => Self::Resync { task: None, states },
        }
    }
}

impl Outgoing {
    /// The `type` of the frame.
    pub fn kind(&self) -> &'static str {
        match (self.dialect, &self.frame) {
            (Dialect::Flat, ServerFrame::AuthSuccess { .. }) => "auth_success",
            (Dialect::Flat, ServerFrame::AuthFailed { .. } | ServerFrame::AuthExpired) => "error",
            (
                Dialect::Flat,
                ServerFrame::Push(update)
                | ServerFrame::Missed(update)
                | ServerFrame::TaskStatus(update)
                | ServerFrame::TaskUpdated(update),
            ) => flat_kind(update.task.status),
            (Dialect::Enveloped, ServerFrame::Push(update) | ServerFrame::Missed(update)) => match update.task.status {
                TaskStatus::Queued | TaskStatus::Processing => "taskProgress",
                TaskStatus::Completed => "taskCompleted",
                TaskStatus::Failed => "taskFailed",
                TaskStatus::Cancelled => "taskCancelled",
            },
            (_, ServerFrame::Connected { .. }) => "connected",
            (_, ServerFrame::AuthSuccess { .. }) => "authSuccess",
            (_, ServerFrame::AuthFailed { .. }) => "authFailed",
            (_, ServerFrame::AuthExpired) => "authExpired",
            (_, ServerFrame::SubscribeSuccess(_) | ServerFrame::UserSubscribed { .. }) => "subscribeSuccess",
            (_, ServerFrame::UnsubscribeSuccess(_) | ServerFrame::UserUnsubscribed) => "unsubscribeSuccess",
            (_, ServerFrame::TaskStatus(_)) => "taskStatus",
            (_, ServerFrame::TaskUpdated(_)) => "taskUpdated",
            (_, ServerFrame::Resync { .. }) => "resync",
            (_, ServerFrame::Reconnect { .. }) => "reconnect",
            (_, ServerFrame::Pong(_)) => "pong",
            (_, ServerFrame::Heartbeat) => "heartbeat",
            (_, ServerFrame::Error { .. }) => "error",
        }
    }
}

/// The `type` of a flat frame about a task in this state.
pub fn flat_kind(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Queued | TaskStatus::Processing => "task_progress",
        TaskStatus::Completed => "task_complete",
        // Its clients know no third end.
        TaskStatus::Failed | TaskStatus::Cancelled => "task_failed",
    }
}
