//! One connection as a state machine, apart from its socket.
//!
//! [`Connection::handle`] takes what happened (an [`Input`]) and returns what to do about it ([`Effect`]s, in order). It reads no
//! clock, awaits nothing and knows no socket, so every story of a connection is a plain unit test. `crate::socket` feeds it and does
//! what it says.
//!
//! What always holds:
//!
//! * A client hears of its own tasks only, and of a task's versions in growing order.
//! * A subscription is registered before the state is read, and both ways of hearing are merged by version: nothing is missed
//!   between the two, nothing comes twice.
//! * A task that does not exist and one of another user are answered in the same words after the same wait.
//! * Requests are answered in their order. Only a subscription to a task that is not known yet is overtaken: it stays pending.

mod everything;
mod machine;
mod output;
mod queries;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use zoetrope_domain::{SessionId, TaskId, UserId};
use zoetrope_tokens::Claims;

pub use machine::Connection;
pub use queries::QueryNumber;

use crate::{frames::Outgoing, task::Update};

/// The times and numbers that bound a connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until the first `auth` frame must have come.
    pub sign_in: Duration,
    /// Between two heartbeats.
    pub heartbeat: Duration,
    /// Without any sign of life, until the connection is closed.
    pub silence: Duration,
    /// After a token has expired, for a new one to come.
    pub renewal: Duration,
    /// How long a subscription waits for its task to appear.
    pub subscribe_wait: Duration,
    /// Tasks that one connection may follow.
    pub subscriptions: usize,
}

/// The moment of an input, by both clocks: the one that never jumps, and the one that tokens are written by.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    pub instant: Instant,
    pub time: DateTime<Utc>,
}

/// What can happen to a connection.
#[derive(Debug)]
pub enum Input<'a> {
    /// A text frame came.
    Text(&'a str),
    /// A binary frame came.
    Binary,
    /// A protocol ping or pong came: the client lives.
    Alive,
    /// A token was checked.
    Checked(Result<Claims, TokenRefusal>),
    /// The session of the token was ended elsewhere.
    SessionEnded,
    /// What a [`Effect::Look`] found, a finding per task.
    Found(QueryNumber, Vec<Found>),
    /// The running tasks of the user, as [`Effect::LookForOpen`] wants them. An error: the states cannot be read now.
    OpenTasks(Result<Vec<Arc<Update>>, Unavailable>),
    /// A task that the connection follows has changed.
    Update(Arc<Update>),
    /// The [deadline](Connection::deadline) has come.
    Tick,
    /// The client takes its frames too slowly.
    Overflowed,
    /// The process is about to end.
    Stopping,
}

/// What a look at a task's state found.
#[derive(Debug, Clone)]
pub enum Found {
    State(Arc<Update>),
    /// No such task is known.
    Nothing,
    /// The states cannot be read now.
    Unavailable,
}

/// The states cannot be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

/// Why a token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    #[error(transparent)]
    Token(#[from] zoetrope_tokens::TokenError),
    #[error("the session has ended")]
    SessionEnded,
}

/// What is to be done, in this order.
#[derive(Debug)]
pub enum Effect {
    Send(Outgoing),
    /// Sends a protocol ping.
    Ping,
    /// Ends the connection; nothing comes after it.
    Close(Close),
    /// Answer with [`Input::Checked`], before anything else.
    CheckToken(SecretString),
    /// Answer with [`Input::SessionEnded`] if so.
    CheckSession(SessionId),
    /// From now on changes of this task are inputs.
    Follow(TaskId, UserId),
    /// Undoes [`Effect::Follow`].
    Unfollow(TaskId),
    /// From now on changes of all tasks of this user are inputs.
    FollowAll(UserId),
    /// Answer with [`Input::Found`].
    Look(QueryNumber, Vec<TaskId>),
    /// Answer with [`Input::OpenTasks`].
    LookForOpen(UserId),
}

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    Unauthorized,
    Silent,
    TooSlow,
    Restart,
    /// The client broke the WebSocket protocol.
    Protocol,
    /// A text frame was not UTF-8.
    NotText,
    /// A frame was too long.
    TooLong,
}
