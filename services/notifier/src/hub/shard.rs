use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use zoetrope_domain::{FeedPosition, TaskId, UserId};

use super::{Mailbox, user_feed::UserFeed};
use crate::{stream::Scope, task::Update};

/// Some of the users.
pub struct Shard {
    feeds: HashMap<UserId, UserFeed>,
    remembered: VecDeque<Memory>,
    most_remembered: usize,
}

/// A state that may be forgotten when its turn comes, unless its task is followed or has changed.
struct Memory {
    user: UserId,
    task: TaskId,
    version: u64,
}

impl Shard {
    pub fn new(most_remembered: usize) -> Self {
        Self { feeds: HashMap::new(), remembered: VecDeque::new(), most_remembered }
    }

    pub fn feed(&self, user: UserId) -> Option<&UserFeed> {
        self.feeds.get(&user)
    }

    pub fn feed_mut(&mut self, user: UserId) -> Option<&mut UserFeed> {
        self.feeds.get_mut(&user)
    }

    /// False if the user has enough streams.
    pub fn enter(&mut self, user: UserId, most: usize) -> bool {
        let enters = self.feeds.entry(user).or_default().enter(most);
        self.drop_if_idle(user);
        enters
    }

    pub fn leave(&mut self, user: UserId) {
        if let Some(feed) = self.feeds.get_mut(&user) {
            feed.leave();
            self.drop_if_idle(user);
        }
    }

    pub fn follow(&mut self, user: UserId, scope: Scope, mailbox: &Arc<Mailbox>) -> FeedPosition {
        self.feeds.entry(user).or_default().follow(scope, mailbox)
    }

    pub fn unfollow(&mut self, user: UserId, scope: Scope, mailbox: &Arc<Mailbox>) {
        let Some(feed) = self.feeds.get_mut(&user) else { return };
        // Its turn to be forgotten may have come and gone while it was followed.
        if let (Some(version), Scope::Task(task)) = (feed.unfollow(scope, mailbox), scope) {
            self.remember(Memory { user, task, version });
        }
        self.drop_if_idle(user);
    }

    /// Keeps the state and posts it. False when it is no news.
    pub fn publish(&mut self, update: &Arc<Update>) -> bool {
        let task = &update.task;
        let published = self.feeds.entry(task.user_id).or_default().publish(update);
        if published.is_news {
            self.remember(Memory { user: task.user_id, task: task.task_id, version: task.version });
        } else if !published.is_remembered {
            self.drop_if_idle(task.user_id);
        }
        published.is_news
    }

    /// Users whose feeds are followed, each with the place up to which everything was posted.
    pub fn followed(&self) -> impl Iterator<Item = (UserId, FeedPosition)> {
        self.feeds.iter().filter_map(|(user, feed)| Some((*user, feed.frontier()?)))
    }

    fn remember(&mut self, memory: Memory) {
        self.remembered.push_back(memory);
        while self.remembered.len() > self.most_remembered {
            let Some(Memory { user, task, version }) = self.remembered.pop_front() else { return };
            if let Some(feed) = self.feeds.get_mut(&user) {
                feed.forget(task, version);
                self.drop_if_idle(user);
            }
        }
    }

    fn drop_if_idle(&mut self, user: UserId) {
        if self.feeds.get(&user).is_some_and(UserFeed::is_idle) {
            self.feeds.remove(&user);
        }
    }
}
