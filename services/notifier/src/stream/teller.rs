use std::collections::{HashMap, HashSet, VecDeque};

use zoetrope_domain::{FeedPosition, TaskId};

use super::{Scope, Start};
use crate::task::Update;

/// Ended tasks that are remembered, so that a late message does not bring one back to life.
const REMEMBERED_ENDS: usize = 512;

/// What one stream has told, of all that it follows: nothing twice, and with ids that promise what they say.
///
/// An id promises that everything up to its place was told to this stream, of all that it follows. What is posted keeps that promise by itself.
/// What is read keeps it only where nothing else is followed, whose posts may still be on their way; and while a following is not covered
/// yet, ids stay as they are.
#[derive(Debug, Default)]
pub struct Teller {
    last: Option<FeedPosition>,
    followings: usize,
    uncovered: usize,
    follows_everything: bool,
    /// Version that was told of each running task.
    running: HashMap<TaskId, u64>,
    ended: HashSet<TaskId>,
    ended_in_order: VecDeque<TaskId>,
}

impl Teller {
    /// The id of what is told now.
    pub fn last(&self) -> Option<FeedPosition> {
        self.last
    }

    pub(super) fn begin(&mut self, scope: Scope, start: Start) {
        self.last = match (self.followings, start) {
            (0, Start::After(seen)) => Some(seen),
            (0, Start::Present | Start::Unknown) => None,
            // What the new one has not seen must not be promised.
            (_, Start::After(seen)) => self.last.map(|last| last.min(seen)),
            (_, Start::Present | Start::Unknown) => self.last,
        };
        self.followings += 1;
        self.uncovered += 1;
        self.follows_everything |= scope == Scope::Everything;
    }

    pub(super) fn covered(&mut self) {
        self.uncovered = self.uncovered.saturating_sub(1);
    }

    pub(super) fn end(&mut self, scope: Scope, was_covered: bool) {
        self.followings = self.followings.saturating_sub(1);
        if !was_covered {
            self.covered();
        }
        // Who asks again wants to hear it again.
        match scope {
            Scope::Task(task) if !self.follows_everything => {
                self.running.remove(&task);
                self.ended.remove(&task);
            }
            Scope::Task(_) => {}
            Scope::Everything => {
                self.follows_everything = false;
                self.running.clear();
                self.ended.clear();
                self.ended_in_order.clear();
            }
        }
    }

    /// Everything up to here was read and told.
    pub(super) fn reached(&mut self, position: FeedPosition) {
        if self.followings == 1 {
            self.last = self.last.max(Some(position));
        }
    }

    /// The client forgets what it has seen, and hears everything up to here.
    pub(super) fn begins_anew(&mut self, position: FeedPosition) {
        self.last = if self.followings == 1 { Some(position) } else { self.last.map(|last| last.min(position)) };
    }

    /// Everything up to here was posted.
    pub(super) fn posted(&mut self, frontier: Option<FeedPosition>) {
        if self.uncovered == 0 {
            self.last = self.last.max(frontier);
        }
    }

    /// Where a client stands that was told nothing yet of what was read up to `upto`, of which this is the first state. None: it must not
    /// go on from anywhere else than before.
    pub(super) fn before(&self, first: Option<&Update>, upto: FeedPosition) -> Option<FeedPosition> {
        let before = first.map_or(upto, |first| first.task.position.before().min(upto));
        if self.followings == 1 { self.last.max(Some(before)) } else { self.last }
    }

    /// Something that is followed beside others was read up to here: no more may be promised of it.
    pub(super) fn promise_no_more(&mut self, upto: FeedPosition) {
        if self.followings > 1 {
            self.last = self.last.map(|last| last.min(upto));
        }
    }

    /// Whether a state is to be told; it counts as told from now on.
    pub fn is_news(&mut self, update: &Update) -> bool {
        let task = &update.task;
        let told = self.running.get(&task.task_id);
        if self.ended.contains(&task.task_id) || told.is_some_and(|version| task.version <= *version) {
            return false;
        }
        if task.has_ended() {
            self.end_task(task.task_id);
        } else {
            self.running.insert(task.task_id, task.version);
        }
        true
    }

    fn end_task(&mut self, task: TaskId) {
        self.running.remove(&task);
        self.ended.insert(task);
        self.ended_in_order.push_back(task);
        if self.ended_in_order.len() > REMEMBERED_ENDS
            && let Some(oldest) = self.ended_in_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }
}
