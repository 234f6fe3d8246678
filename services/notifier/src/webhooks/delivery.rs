use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use zoetrope_domain::{TaskId, UserId};

use super::{DeliveryId, EndpointId, EventType};

/// Whom messages are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    Endpoint(EndpointId),
    /// The addresses that a user's tasks bring with them.
    Callbacks(UserId),
}

/// One message to one address, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    /// The address that its task brought with it; none for a message to an endpoint.
    pub callback_url: Option<String>,
    pub event: EventType,
    /// None for a test.
    pub task_id: Option<TaskId>,
    pub state: DeliveryState,
    pub occurred_at: DateTime<Utc>,
    /// When it is tried next, while it is pending.
    pub due_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// All attempts, the first one first.
    pub attempts: Vec<Attempt>,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// To be tried, perhaps again.
    Pending,
    Delivered,
    /// Given up.
    Failed,
    /// Progress that was overtaken by a newer state before it could be told.
    Superseded,
}

/// A word that is no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown state of a delivery")]
pub struct UnknownState;

impl DeliveryState {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Failed, Self::Superseded];

    /// The word for it in storage.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }
}

impl FromStr for DeliveryState {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or(UnknownState)
    }
}

/// One request, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub started_at: DateTime<Utc>,
    pub duration: Duration,
    /// None when no answer came.
    pub status: Option<u16>,
    /// The beginning of the answer.
    pub response: Option<String>,
    /// Why it failed, unless the status says it.
    pub error: Option<String>,
}

/// A page of deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryPage {
    /// From 1.
    pub page: u32,
    pub page_size: u32,
    pub state: Option<DeliveryState>,
    /// Only what tells of this task.
    pub task: Option<TaskId>,
}

impl DeliveryPage {
    /// How many stand on the pages before.
    pub fn offset(&self) -> i64 {
        (i64::from(self.page) - 1) * i64::from(self.page_size)
    }
}

/// Which deliveries are to be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    pub from: DateTime<Utc>,
    /// Not included.
    pub to: DateTime<Utc>,
    /// Only what has failed, or failed so far.
    pub failed_only: bool,
}
