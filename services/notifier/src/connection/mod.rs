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
//!   between the two, nothing comes twice. [`crate::stream`] sees to that, and to the ids from which a client resumes.
//! * A task that does not exist and one of another user are answered in the same words after the same wait.
//! * Nobody gets more than its [budget](crate::budget): each frame has a [cost], and the next one is read when there is something left.
//! * Requests are answered in their order. Only a subscription to a task that is not known yet is overtaken: it stays pending.

mod cost;
mod desk;
mod everything;
mod machine;
mod nonsense;
mod output;
mod queries;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use zoetrope_domain::TaskId;
use zoetrope_tokens::{Caller, Credential};

pub use machine::Connection;
pub use queries::QueryNumber;

use crate::{
    frames::Outgoing,
    hub::{Post, TooManyStreams},
    states::Found,
    stream::{Reading, Scope, Start, Unavailable},
};

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
    Checked(Result<Caller, TokenRefusal>),
    /// The session of the token, or the API key, was ended elsewhere.
    AccessEnded(Credential),
    /// What a [`Effect::Look`] found, a finding per task.
    Found(QueryNumber, Vec<Found>),
    /// What [`Effect::Read`] wants.
    Read(QueryNumber, Result<Reading, Unavailable>),
    /// A task that the connection follows has changed.
    News(Post),
    /// The [deadline](Connection::deadline) has come.
    Tick,
    /// The client takes its frames too slowly.
    Overflowed,
    /// The process is about to end. The client is to come back after this time.
    Stopping { retry_after: Duration },
}

/// Why a token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    #[error(transparent)]
    Access(#[from] zoetrope_tokens::Refusal),
    #[error("this API key lacks the scope read")]
    Scope,
    /// The token is good, but its user has enough connections.
    #[error(transparent)]
    TooMany(#[from] TooManyStreams),
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
    /// Answer with [`Input::AccessEnded`] if it has ended.
    CheckAccess(Credential),
    /// From now on changes of this are inputs.
    Follow(Scope),
    /// Undoes [`Effect::Follow`].
    Unfollow(Scope),
    /// Answer with [`Input::Read`].
    Read(QueryNumber, Scope, Start),
    /// Answer with [`Input::Found`].
    Look(QueryNumber, Vec<TaskId>),
}

/// Why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    Unauthorized,
    Silent,
    TooSlow,
    /// The process ends. The client is asked to come back after this time.
    Restart {
        retry_after: Duration,
    },
    /// Its user has enough connections.
    TooMany,
    /// It sent too much that nobody can understand.
    Nonsense,
    /// It goes on wanting more than its budget.
    Flooding,
    /// The client broke the WebSocket protocol.
    Protocol,
    /// A text frame was not UTF-8.
    NotText,
    /// A frame was too long.
    TooLong,
}
