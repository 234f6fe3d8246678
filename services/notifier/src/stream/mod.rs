//! What a stream tells: pure, whatever carries it. [`crate::hub`] says how the parts work together.

mod following;
mod teller;

use std::sync::Arc;

use zoetrope_domain::{FeedPosition, TaskId};

pub use self::{following::Following, teller::Teller};
use crate::task::Update;

/// What is followed of a user's feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    Everything,
    Task(TaskId),
}

/// Where a client stands when it begins to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It wants the present state.
    Present,
    /// It has seen everything up to this place.
    After(FeedPosition),
    /// It has seen something, but nobody knows what.
    Unknown,
}

impl Start {
    /// Reads the last event id that a client has seen.
    pub fn parse(last_event_id: Option<&str>) -> Self {
        match last_event_id.map(str::parse) {
            None => Self::Present,
            Some(Ok(position)) => Self::After(position),
            Some(Err(_)) => Self::Unknown,
        }
    }

    /// Whether a client that stands here has not seen this state yet.
    pub fn lacks(self, update: &Update) -> bool {
        let position = update.task.position;
        match self {
            Self::Present | Self::Unknown => true,
            Self::After(seen) => position > seen || !position.is_known(),
        }
    }
}

/// The states cannot be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

/// What was read for a stream.
#[derive(Debug, Clone)]
pub struct Reading {
    pub kind: ReadingKind,
    /// In the order of their places. Of a single task, its state, whatever the client has seen.
    pub states: Vec<Arc<Update>>,
    /// Everything up to here is in it, or was before its start.
    pub upto: FeedPosition,
    /// There is more behind it, to be read next.
    pub more: bool,
    /// It contains what the hub had heard of before the stream followed.
    pub covers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingKind {
    /// What has not ended.
    Present,
    /// What changed since.
    Missed,
    /// What the client has seen cannot be gone on from: what has not ended, and what ended lately.
    Resync,
}

/// What happened in a feed.
#[derive(Debug, Clone)]
pub enum Event {
    /// A state that the stream begins with.
    Present(Arc<Update>),
    /// A change that happened before, while the client was away.
    Missed(Arc<Update>),
    /// A change that was just heard of.
    Change(Arc<Update>),
    /// The client must forget what it knows: this is how things are.
    Resync(Vec<Arc<Update>>),
}

/// An event as a stream tells it.
#[derive(Debug, Clone)]
pub struct Told {
    pub event: Event,
    /// Whoever has seen this event, and those before it, resumes from here. None: nobody knows yet.
    pub id: Option<FeedPosition>,
}
