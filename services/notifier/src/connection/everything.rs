use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use zoetrope_domain::{TaskId, UserId};

use super::{Effect, Unavailable, output::Output};
use crate::{frames::ServerFrame, task::Update};

/// How often the first snapshot is tried for while the states cannot be read.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(2);
/// Ended tasks that are remembered, so that a late message does not bring one back to life.
const REMEMBERED_ENDS: usize = 512;

/// All tasks of the user, as a `photo`-style connection follows them.
pub struct Everything {
    user: UserId,
    since: DateTime<Utc>,
    /// Version that was told of each running task.
    running: HashMap<TaskId, u64>,
    ended: HashSet<TaskId>,
    ended_in_order: VecDeque<TaskId>,
    /// When to ask for the running tasks again; none when they are known, or being read.
    snapshot_due: Option<Instant>,
}

impl Everything {
    pub fn follow(user: UserId, since: DateTime<Utc>, out: &mut Output) -> Self {
        // In this order: an update that comes while the states are being read is heard.
        out.push(Effect::FollowAll(user));
        out.push(Effect::LookForOpen(user));
        Self { user, since, running: HashMap::new(), ended: HashSet::new(), ended_in_order: VecDeque::new(), snapshot_due: None }
    }

    pub fn snapshot(&mut self, tasks: Result<Vec<Arc<Update>>, Unavailable>, now: Instant, out: &mut Output) {
        match tasks {
            Ok(tasks) => tasks.iter().for_each(|task| self.update(task, out)),
            Err(Unavailable) => self.snapshot_due = Some(now + SNAPSHOT_EVERY),
        }
    }

    pub fn update(&mut self, update: &Arc<Update>, out: &mut Output) {
        let task = &update.task;
        let told = self.running.get(&task.task_id);
        if self.ended.contains(&task.task_id) || told.is_some_and(|version| task.version <= *version) {
            return;
        }
        if task.has_ended() {
            // What had ended before the client came is no news, even when it was read only now.
            let is_news = told.is_some() || task.updated_at >= self.since;
            self.end(task.task_id);
            if !is_news {
                return;
            }
        } else {
            self.running.insert(task.task_id, task.version);
        }
        out.tell(ServerFrame::Push(Arc::clone(update)));
    }

    fn end(&mut self, task: TaskId) {
        self.running.remove(&task);
        self.ended.insert(task);
        self.ended_in_order.push_back(task);
        if self.ended_in_order.len() > REMEMBERED_ENDS
            && let Some(oldest) = self.ended_in_order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }

    pub fn tick(&mut self, now: Instant, out: &mut Output) {
        if self.snapshot_due.is_some_and(|due| due <= now) {
            self.snapshot_due = None;
            out.push(Effect::LookForOpen(self.user));
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.snapshot_due
    }
}
