//! Tasks that clients follow here, on responses that stay open.
//!
//! This replica hears every change on a queue of its own, and takes it as a nudge only: whoever follows that task reads its row, which is
//! the authority, and tells what is new in it. A nudge that is lost, as while RabbitMQ is away, costs a few seconds: every follower looks
//! by itself now and then.

mod follower;
mod news;
mod streams;
mod watchers;

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use zoetrope_domain::{TaskId, UserId};
use zoetrope_http::sse::Pace;
use zoetrope_postgres::Database;

use self::streams::Streams;
pub use self::{
    follower::{Follower, Seen},
    news::{News, Teller},
    streams::Admission,
    watchers::Watchers,
};
use crate::settings::StreamSettings;

const RETURN_MILLIS: std::ops::Range<u64> = 500..3000;

/// What all open streams share.
pub struct Live {
    watchers: Arc<Watchers>,
    streams: Arc<Streams>,
    database: Database,
    settings: StreamSettings,
    /// Ends all streams.
    stopping: CancellationToken,
}

impl Live {
    pub fn new(watchers: Arc<Watchers>, database: Database, settings: StreamSettings, stopping: CancellationToken) -> Self {
        let streams = Arc::new(Streams::new(settings.max_per_user));
        Self { watchers, streams, database, settings, stopping }
    }

    /// A place for one more stream, unless the user has enough of them.
    pub fn admit(&self, user: UserId) -> Option<Admission> {
        self.streams.admit(user)
    }

    /// A task from its present state on.
    pub fn follow(&self, user: UserId, task: TaskId) -> Follower {
        Follower::new(self.database.clone(), user, Watchers::watch(&self.watchers, task), self.settings.reread)
    }

    /// As [`Self::follow`], on the response to the request that made the task: meanwhile the request is remembered.
    pub fn follow_request(&self, user: UserId, task: TaskId) -> Follower {
        self.follow(user, task).remembering_the_request()
    }

    /// What a client that is cut off shall wait before it comes back: those of one replica do not come at the same moment.
    pub fn pause_before_return(&self) -> Duration {
        Duration::from_millis(rand::random_range(RETURN_MILLIS))
    }

    pub fn pace(&self) -> Pace {
        Pace { keep_alive: self.settings.keep_alive, patience: self.settings.write_timeout }
    }

    /// How long a request is remembered after its stream was cut.
    pub fn repeat_window(&self) -> Duration {
        self.settings.repeat_window
    }

    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }
}
