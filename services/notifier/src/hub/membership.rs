use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
};

use zoetrope_domain::{TaskId, UserId};

use super::{Hub, Mailbox};
use crate::metrics;

/// One connection's place in the hub. Dropping it leaves, however the connection ended.
pub struct Membership {
    hub: Arc<Hub>,
    mailbox: Arc<Mailbox>,
    tasks: HashMap<TaskId, UserId>,
    user: Option<UserId>,
}

impl Membership {
    pub(super) fn new(hub: Arc<Hub>, mailbox: Arc<Mailbox>) -> Self {
        Self { hub, mailbox, tasks: HashMap::new(), user: None }
    }

    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// From now on changes of this task come to the mailbox, provided that it belongs to this user.
    pub fn follow(&mut self, task: TaskId, user: UserId) {
        if self.tasks.insert(task, user).is_none() {
            metrics::subscribed();
            self.hub.topics(task).follow(task, user, &self.mailbox);
        }
    }

    pub fn unfollow(&mut self, task: TaskId) {
        if let Some(user) = self.tasks.remove(&task) {
            self.leave(task, user);
        }
    }

    /// From now on changes of all tasks of this user come to the mailbox.
    pub fn follow_all(&mut self, user: UserId) {
        if self.user.is_none() {
            self.user = Some(user);
            metrics::subscribed();
            self.hub.users(user).entry(user).or_default().add(&self.mailbox);
        }
    }

    fn leave(&self, task: TaskId, user: UserId) {
        metrics::unsubscribed();
        self.hub.topics(task).unfollow(task, user, &self.mailbox);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        for (task, user) in std::mem::take(&mut self.tasks) {
            self.leave(task, user);
        }
        if let Some(user) = self.user {
            metrics::unsubscribed();
            let mut users = self.hub.users(user);
            if let Some(followers) = users.get_mut(&user) {
                followers.remove(&self.mailbox);
                if followers.is_empty() {
                    users.remove(&user);
                }
            }
        }
        self.hub.connections.fetch_sub(1, Ordering::Relaxed);
        metrics::disconnected();
    }
}
