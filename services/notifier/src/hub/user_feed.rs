use std::{collections::HashMap, sync::Arc};

use zoetrope_domain::{FeedPosition, TaskId};

use super::{Mailbox, followers::Followers, places::Places};
use crate::{stream::Scope, task::Update};

/// One user's feed in this process: who follows it, the newest states that were heard, and up to which place everything was.
#[derive(Default)]
pub struct UserFeed {
    streams: usize,
    everything: Followers,
    tasks: HashMap<TaskId, Topic>,
    /// While somebody follows.
    tracker: Option<Tracker>,
}

#[derive(Default)]
struct Topic {
    newest: Option<Arc<Update>>,
    followers: Followers,
}

/// Which places were posted to all who follow.
#[derive(Default)]
struct Tracker {
    followings: usize,
    places: Places,
    /// What the table knew when this began; before, the places have no beginning.
    base: Option<FeedPosition>,
}

/// What became of an update.
pub struct Published {
    pub is_news: bool,
    pub is_remembered: bool,
}

impl UserFeed {
    /// False if there are enough streams.
    pub fn enter(&mut self, most: usize) -> bool {
        let enters = self.streams < most;
        self.streams += usize::from(enters);
        enters
    }

    pub fn leave(&mut self) {
        self.streams = self.streams.saturating_sub(1);
    }

    /// Nobody is here, and nothing is remembered.
    pub fn is_idle(&self) -> bool {
        self.streams == 0 && self.tasks.is_empty()
    }

    /// Returns the highest place that was heard of and is not posted to this follower.
    pub fn follow(&mut self, scope: Scope, mailbox: &Arc<Mailbox>) -> FeedPosition {
        match scope {
            Scope::Everything => self.everything.add(mailbox),
            Scope::Task(task) => self.tasks.entry(task).or_default().followers.add(mailbox),
        }
        let tracker = self.tracker.get_or_insert_default();
        tracker.followings += 1;
        tracker.places.top()
    }

    /// Returns the version of a task that is only remembered from now on.
    pub fn unfollow(&mut self, scope: Scope, mailbox: &Arc<Mailbox>) -> Option<u64> {
        if let Some(tracker) = &mut self.tracker {
            tracker.followings = tracker.followings.saturating_sub(1);
            if tracker.followings == 0 {
                self.tracker = None;
            }
        }
        match scope {
            Scope::Everything => {
                self.everything.remove(mailbox);
                None
            }
            Scope::Task(task) => {
                let topic = self.tasks.get_mut(&task)?;
                topic.followers.remove(mailbox);
                if !topic.followers.is_empty() {
                    return None;
                }
                let newest = topic.newest.as_ref().map(|newest| newest.task.version);
                if newest.is_none() {
                    self.tasks.remove(&task);
                }
                newest
            }
        }
    }

    /// Posts a state to all whom it concerns, if it is news.
    pub fn publish(&mut self, update: &Arc<Update>) -> Published {
        let task = &update.task;
        let was_heard = self.has_heard(task.position);
        let topic = self.tasks.entry(task.task_id).or_default();
        let known = topic.newest.clone();
        let is_news = match &known {
            // It may be outdated by what was read, or is not remembered any more. An end is not, and may be what was lost.
            _ if was_heard && !task.has_ended() => false,
            Some(newest) => update.is_newer_than(newest),
            None => true,
        };
        let is_unknown = !is_news && known.is_none() && topic.followers.is_empty();
        if is_news {
            topic.newest = Some(Arc::clone(update));
            self.post(update, &[task.position]);
        } else if let Some(newest) = known.filter(|newest| !was_heard && self.is_unposted(newest)) {
            self.post(&newest, &[task.position, newest.task.position]);
        } else {
            self.note(&[task.position]);
        }
        if is_unknown {
            self.tasks.remove(&task.task_id);
        }
        Published { is_news, is_remembered: !is_unknown }
    }

    /// Whether this place was posted to all who follow.
    fn has_heard(&self, position: FeedPosition) -> bool {
        self.tracker.as_ref().is_some_and(|tracker| tracker.places.contain(position))
    }

    /// Whether a state is remembered from before somebody followed, and was not posted since.
    fn is_unposted(&self, update: &Update) -> bool {
        update.task.position.is_known() && !self.has_heard(update.task.position)
    }

    fn note(&mut self, places: &[FeedPosition]) {
        if let Some(tracker) = &mut self.tracker {
            places.iter().for_each(|place| tracker.places.add(*place));
        }
    }

    /// Posts a state, which makes these places worthless.
    fn post(&mut self, update: &Arc<Update>, places: &[FeedPosition]) {
        self.note(places);
        let frontier = self.frontier();
        if let Some(topic) = self.tasks.get(&update.task.task_id) {
            topic.followers.tell(update, frontier);
        }
        self.everything.tell(update, frontier);
    }

    /// Forgets a state, unless the task is followed or has changed since. Tells whether it did, or there was nothing to forget.
    pub fn forget(&mut self, task: TaskId, version: u64) {
        let is_stale = |topic: &Topic| {
            topic.followers.is_empty() && topic.newest.as_ref().is_none_or(|newest| newest.task.version == version)
        };
        if self.tasks.get(&task).is_some_and(is_stale) {
            self.tasks.remove(&task);
        }
    }

    pub fn newest(&self, task: TaskId) -> Option<Arc<Update>> {
        self.tasks.get(&task)?.newest.clone()
    }

    /// All newest states that are remembered, in no order.
    pub fn remembered(&self) -> Vec<Arc<Update>> {
        self.tasks.values().filter_map(|topic| topic.newest.clone()).collect()
    }

    /// The highest place that was heard of since somebody follows.
    pub fn top(&self) -> FeedPosition {
        self.tracker.as_ref().map_or(FeedPosition::START, |tracker| tracker.places.top())
    }

    /// Somebody has read the table, which knew everything up to here. Tells whether that was enough to rely on this feed's frontier.
    pub fn anchor(&mut self, read: FeedPosition) -> bool {
        let Some(tracker) = &mut self.tracker else { return true };
        let base = *tracker.base.get_or_insert_with(|| {
            tracker.places.add_all_up_to(read);
            read
        });
        read >= base
    }

    /// Everything up to here was posted to all who follow.
    pub fn caught_up(&mut self, upto: FeedPosition) {
        if let Some(tracker) = self.tracker.as_mut().filter(|tracker| tracker.base.is_some()) {
            tracker.places.add_all_up_to(upto);
        }
    }

    /// Up to where everything was posted; none before anybody knows, or while nobody follows.
    pub fn frontier(&self) -> Option<FeedPosition> {
        self.tracker.as_ref()?.frontier()
    }
}

impl Tracker {
    fn frontier(&self) -> Option<FeedPosition> {
        self.base.is_some().then(|| self.places.frontier())
    }
}
