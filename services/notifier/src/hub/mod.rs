//! Who follows what in this process.
//!
//! Every update that arrives is handed to the [`Mailbox`] of each connection that follows its task or its user. Nothing here awaits: a
//! mailbox is bounded and keeps the newest state of a task only, so a slow client costs neither memory nor anybody else's time.
//!
//! The hub also remembers the newest states for a while: a task that was created a moment ago may be known here before it is in the
//! table, and the table may be away.

mod followers;
mod mailbox;
mod membership;
mod topics;

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use zoetrope_domain::{TaskId, UserId};

pub use mailbox::{Mail, Mailbox};
pub use membership::Membership;

use self::{followers::Followers, topics::Topics};
use crate::{metrics, task::Update};

/// Connections of many threads meet here; with this many locks they seldom wait for each other.
const SHARDS: usize = 64;

/// How much the hub keeps.
#[derive(Debug, Clone, Copy)]
pub struct HubLimits {
    /// Tasks with news that one connection may have waiting.
    pub mailbox: usize,
    /// Newest states that are remembered although nobody follows the task.
    pub remembered: usize,
}

/// The registry of one process.
pub struct Hub {
    limits: HubLimits,
    hasher: RandomState,
    topics: Vec<Mutex<Topics>>,
    users: Vec<Mutex<HashMap<UserId, Followers>>>,
    connections: AtomicUsize,
}

impl Hub {
    pub fn new(limits: HubLimits) -> Arc<Self> {
        let remembered = limits.remembered / SHARDS;
        Arc::new(Self {
            limits,
            hasher: RandomState::new(),
            topics: (0..SHARDS).map(|_| Mutex::new(Topics::new(remembered))).collect(),
            users: (0..SHARDS).map(|_| Mutex::default()).collect(),
            connections: AtomicUsize::new(0),
        })
    }

    /// A place for one connection.
    pub fn join(self: &Arc<Self>) -> Membership {
        self.connections.fetch_add(1, Ordering::Relaxed);
        metrics::connected();
        Membership::new(Arc::clone(self), Arc::new(Mailbox::new(self.limits.mailbox)))
    }

    /// Open connections of this process.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Tells everybody concerned. False when this state, or a newer one, was told before.
    pub fn publish(&self, update: &Arc<Update>) -> bool {
        if !self.topics(update.task.task_id).publish(update) {
            return false;
        }
        if let Some(followers) = self.users(update.task.user_id).get(&update.task.user_id) {
            followers.tell(update);
        }
        true
    }

    /// The newest state of a task that this process has heard of and still remembers.
    pub fn newest(&self, task: TaskId) -> Option<Arc<Update>> {
        self.topics(task).newest(task)
    }

    /// The followed tasks that may still change, each with the version that is known here; 0 when none is.
    pub fn running_tasks(&self) -> Vec<(TaskId, u64)> {
        self.topics.iter().flat_map(|shard| lock(shard).running()).collect()
    }

    /// The users all of whose tasks are followed.
    pub fn followed_users(&self) -> Vec<UserId> {
        self.users.iter().flat_map(|shard| lock(shard).keys().copied().collect::<Vec<_>>()).collect()
    }

    fn topics(&self, task: TaskId) -> MutexGuard<'_, Topics> {
        lock(&self.topics[self.shard(task)])
    }

    fn users(&self, user: UserId) -> MutexGuard<'_, HashMap<UserId, Followers>> {
        lock(&self.users[self.shard(user)])
    }

    fn shard(&self, key: impl std::hash::Hash) -> usize {
        // The remainder is below SHARDS, so it fits.
        usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default()
    }
}

/// No lock is held where code can panic half way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
