use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use zoetrope_domain::{TaskId, UserId};

use super::{Mailbox, followers::Followers};
use crate::task::Update;

/// The tasks of one shard: who follows them, and the newest state of each.
pub struct Topics {
    topics: HashMap<TaskId, Topic>,
    remembered: VecDeque<Memory>,
    most_remembered: usize,
}

/// A state that may be forgotten when its turn comes, unless its task is followed or has changed.
struct Memory {
    task: TaskId,
    version: u64,
}

#[derive(Default)]
struct Topic {
    newest: Option<Arc<Update>>,
    /// By user, because a task may be asked for by somebody whom it does not belong to. In practice there is one.
    followers: HashMap<UserId, Followers>,
}

impl Topics {
    pub fn new(most_remembered: usize) -> Self {
        Self { topics: HashMap::new(), remembered: VecDeque::new(), most_remembered }
    }

    pub fn follow(&mut self, task: TaskId, user: UserId, mailbox: &Arc<Mailbox>) {
        self.topics.entry(task).or_default().followers.entry(user).or_default().add(mailbox);
    }

    pub fn unfollow(&mut self, task: TaskId, user: UserId, mailbox: &Arc<Mailbox>) {
        let Some(topic) = self.topics.get_mut(&task) else { return };
        if let Some(followers) = topic.followers.get_mut(&user) {
            followers.remove(mailbox);
            if followers.is_empty() {
                topic.followers.remove(&user);
            }
        }
        if topic.followers.is_empty() {
            match topic.newest.as_ref().map(|newest| newest.task.version) {
                // Its turn to be forgotten may have come and gone while it was followed.
                Some(version) => self.remember(task, version),
                None => drop(self.topics.remove(&task)),
            }
        }
    }

    /// Keeps the state and tells it to its owner's connections. False when it is no news.
    pub fn publish(&mut self, update: &Arc<Update>) -> bool {
        let task = &update.task;
        let topic = self.topics.entry(task.task_id).or_default();
        if topic.newest.as_ref().is_some_and(|newest| !update.is_newer_than(newest)) {
            return false;
        }
        topic.newest = Some(Arc::clone(update));
        if let Some(followers) = topic.followers.get(&task.user_id) {
            followers.tell(update);
        }
        self.remember(task.task_id, task.version);
        true
    }

    pub fn newest(&self, task: TaskId) -> Option<Arc<Update>> {
        self.topics.get(&task)?.newest.clone()
    }

    pub fn running(&self) -> Vec<(TaskId, u64)> {
        let followed = self.topics.iter().filter(|(_, topic)| !topic.followers.is_empty());
        followed
            .filter_map(|(task, topic)| match &topic.newest {
                Some(newest) if newest.task.has_ended() => None,
                newest => Some((*task, newest.as_ref().map_or(0, |newest| newest.task.version))),
            })
            .collect()
    }

    fn remember(&mut self, task: TaskId, version: u64) {
        self.remembered.push_back(Memory { task, version });
        while self.remembered.len() > self.most_remembered {
            let Some(Memory { task, version }) = self.remembered.pop_front() else { return };
            let is_stale = |topic: &Topic| {
                topic.followers.is_empty() && topic.newest.as_ref().is_none_or(|newest| newest.task.version == version)
            };
            if self.topics.get(&task).is_some_and(is_stale) {
                self.topics.remove(&task);
            }
        }
    }
}
