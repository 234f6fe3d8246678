use std::str::FromStr;

use zoetrope_domain::TaskStatus;

use crate::task::TaskSnapshot;

/// What a message tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventType {
    /// A task was accepted.
    TaskCreated,
    /// A running task has come further.
    TaskUpdated,
    TaskCompleted,
    TaskFailed,
    TaskCancelled,
    /// Its owner wanted to see whether messages arrive.
    WebhookTest,
}

/// A word that names no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown event")]
pub struct UnknownEvent;

impl EventType {
    /// What an endpoint can ask for.
    pub const OFFERED: [Self; 5] =
        [Self::TaskCreated, Self::TaskUpdated, Self::TaskCompleted, Self::TaskFailed, Self::TaskCancelled];
    /// What an endpoint hears that asks for nothing in particular: how each task ended.
    pub const DEFAULT: [Self; 3] = [Self::TaskCompleted, Self::TaskFailed, Self::TaskCancelled];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskCreated => "task.created",
            Self::TaskUpdated => "task.updated",
            Self::TaskCompleted => "task.completed",
            Self::TaskFailed => "task.failed",
            Self::TaskCancelled => "task.cancelled",
            Self::WebhookTest => "webhook.test",
        }
    }

    /// What a state of a task is news of. Its first version is its creation.
    pub const fn of(task: &TaskSnapshot) -> Self {
        match task.status {
            TaskStatus::Completed => Self::TaskCompleted,
            TaskStatus::Failed => Self::TaskFailed,
            TaskStatus::Cancelled => Self::TaskCancelled,
            TaskStatus::Queued | TaskStatus::Processing if task.version == 1 => Self::TaskCreated,
            TaskStatus::Queued | TaskStatus::Processing => Self::TaskUpdated,
        }
    }
}

impl FromStr for EventType {
    type Err = UnknownEvent;

    fn from_str(word: &str) -> Result<Self, UnknownEvent> {
        Self::OFFERED.into_iter().chain([Self::WebhookTest]).find(|event| event.as_str() == word).ok_or(UnknownEvent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{cancelled, completed, failed, processing, queued};

    #[test]
    fn every_word_reads_back() {
        for event in EventType::OFFERED.into_iter().chain([EventType::WebhookTest]) {
            assert_eq!(event.as_str().parse(), Ok(event));
        }
        assert_eq!("task.deleted".parse::<EventType>(), Err(UnknownEvent));
    }

    #[test]
    fn each_state_is_news_of_one_event() {
        let event = |update: std::sync::Arc<crate::task::Update>| EventType::of(&update.task);
        assert_eq!(event(queued(1, 1)), EventType::TaskCreated);
        assert_eq!(event(queued(1, 2)), EventType::TaskUpdated);
        assert_eq!(event(processing(1, 2, 5)), EventType::TaskUpdated);
        assert_eq!(event(completed(1, 3)), EventType::TaskCompleted);
        assert_eq!(event(failed(1, 3)), EventType::TaskFailed);
        assert_eq!(event(cancelled(1, 2)), EventType::TaskCancelled);
    }
}
