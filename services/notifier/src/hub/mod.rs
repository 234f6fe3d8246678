//! Who follows what in this process, and how a stream is served.
//!
//! Every update that arrives is posted to the [`Mailbox`] of each stream that follows its user, or its task. Nothing here awaits: a mailbox is
//! bounded and keeps the newest state of a task only, so a slow client costs neither memory nor anybody else's time.
//!
//! The hub also remembers the newest states for a while: a task that was created a moment ago may be known here before it is in the
//! table, and the table may be away.
//!
//! # A stream
//!
//! A stream is one client's connection, a WebSocket or another. It needs four things:
//!
//! 1. A [`Membership`], by [`Hub::join`]. [`enter`](Membership::enter) says whose stream it is, which a user's number of streams may forbid.
//!    [`follow`](Membership::follow) is for a [`Scope`](crate::stream::Scope): one task, or everything of the user.
//! 2. A [`Teller`](crate::stream::Teller), which knows what the stream has told and which event id comes next; and a
//!    [`Following`](crate::stream::Following) for each scope, made *after* `follow` from what the client sent as its last event id
//!    ([`Start::parse`](crate::stream::Start::parse)).
//! 3. Readings. Whenever [`Following::due`](crate::stream::Following::due) says so, which it does right after the beginning,
//!    [`States::read`](crate::states::States::read) is asked, with [`must_cover`](Membership::must_cover) as it is then, and the answer goes
//!    to [`Following::read`](crate::stream::Following::read). It tells the present state, or what the client missed, or `Resync`.
//! 4. News. What [`Mailbox::take`] brings goes to [`Following::hear`](crate::stream::Following::hear) post by post, also while a reading is
//!    under way. It is left in the mailbox until the first reading is answered, so that how things are comes before how they change.
//!
//! Both return what is to be told, with ids, in this order. When `take` says [`Mail::Overflowed`], or the client does not take a frame in
//! time, the stream is closed, and the client resumes from the last id that it has seen.
//!
//! ```text
//! let mut membership = hub.join(Some(Bell::of_this_worker()));
//! membership.enter(user)?;                                      // 429 or the like
//! membership.follow(scope);
//! let mut teller = Teller::default();
//! let mut following = Following::begin(scope, Start::parse(last_event_id), &mut teller);
//! loop {
//!     if let Some(start) = following.due(now) {
//!         let look = Look { user, scope, start, must_cover: membership.must_cover() };
//!         let reading = states.read(look).await;                // or beside the mailbox, as the WebSocket does
//!         for told in following.read(reading, now, &mut teller) { send(told) }
//!     }
//!     select! {
//!         Mail::Posts(posts) = membership.mailbox().take() => for post in posts {
//!             if let Some(told) = following.hear(&post, &mut teller) { send(told) }
//!         },
//!         () = sleep_until(following.deadline()) => {}
//!     }
//! }
//! ```
//!
//! # Why nothing is missed
//!
//! A user's changes are numbered without gaps. The hub keeps, while somebody follows a user, the places that were posted; the end of the first
//! unbroken range is the **frontier**. It begins with what the table knew when the first reading came, grows with what is heard, and where
//! the own queue lost something, [`crate::reconcile`] reads on from it. A post carries the frontier of its moment, and that is the
//! event id: everything up to there was posted before. An id is raised only while the stream is *covered*: its readings contain what
//! had been heard before it followed.

mod bell;
mod followers;
mod mailbox;
mod membership;
mod places;
mod shard;
mod user_feed;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use zoetrope_domain::{FeedPosition, TaskId, UserId};

use self::shard::Shard;
pub use self::{
    bell::Bell,
    mailbox::{Mail, Mailbox, Post},
    membership::{Membership, TooManyStreams},
};
use crate::{metrics, task::Update};

/// Streams of many threads meet here; with this many locks they seldom wait for each other.
const SHARDS: usize = 64;

/// How much the hub keeps.
#[derive(Debug, Clone, Copy)]
pub struct HubLimits {
    /// Tasks with news that one stream may have waiting.
    pub mailbox: usize,
    /// Newest states that are remembered although nobody follows the task.
    pub remembered: usize,
    /// Streams that one user may have.
    pub streams_per_user: usize,
}

/// The registry of one process.
pub struct Hub {
    limits: HubLimits,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    connections: AtomicUsize,
}

impl Hub {
    pub fn new(limits: HubLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new(limits.remembered / SHARDS))).collect(),
            connections: AtomicUsize::new(0),
        })
    }

    /// A place for one stream, which the bell wakes when there is mail.
    pub fn join(self: &Arc<Self>, bell: Option<Arc<Bell>>) -> Membership {
        self.connections.fetch_add(1, Ordering::Relaxed);
        metrics::connected();
        Membership::new(Arc::clone(self), Arc::new(Mailbox::new(self.limits.mailbox, bell)))
    }

    /// Open streams of this process.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Posts to everybody concerned. False when this state, or a newer one, was posted before.
    pub fn publish(&self, update: &Arc<Update>) -> bool {
        self.shard(update.task.user_id).publish(update)
    }

    /// The newest state of a user's task that this process has heard of and still remembers.
    pub fn newest(&self, user: UserId, task: TaskId) -> Option<Arc<Update>> {
        self.shard(user).feed(user)?.newest(task)
    }

    /// The newest states of a user's tasks, as far as they are remembered.
    pub fn remembered(&self, user: UserId) -> Vec<Arc<Update>> {
        self.shard(user).feed(user).map(|feed| feed.remembered()).unwrap_or_default()
    }

    /// The highest place of a followed feed that this process has heard of.
    pub fn top(&self, user: UserId) -> FeedPosition {
        self.shard(user).feed(user).map_or(FeedPosition::START, |feed| feed.top())
    }

    /// A stream of this user has read the table, which knew everything up to this place. False if another has read more, on which the
    /// frontier rests: then this one must read again.
    pub fn anchor(&self, user: UserId, read: FeedPosition) -> bool {
        self.shard(user).feed_mut(user).is_none_or(|feed| feed.anchor(read))
    }

    /// Followed users, each with the place up to which everything was posted.
    pub fn followed(&self) -> Vec<(UserId, FeedPosition)> {
        self.shards.iter().flat_map(|shard| lock(shard).followed().collect::<Vec<_>>()).collect()
    }

    /// Everything of this user up to this place was read from the table and published.
    pub fn caught_up(&self, user: UserId, upto: FeedPosition) {
        if let Some(feed) = self.shard(user).feed_mut(user) {
            feed.caught_up(upto);
        }
    }

    fn shard(&self, user: UserId) -> MutexGuard<'_, Shard> {
        // The remainder is below SHARDS, so it fits.
        let index = usize::try_from(self.hasher.hash_one(user) % SHARDS as u64).unwrap_or_default();
        lock(&self.shards[index])
    }
}

/// No lock is held where code can panic half way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
