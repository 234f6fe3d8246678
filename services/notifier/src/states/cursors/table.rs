use std::collections::{BTreeMap, BTreeSet, HashSet};

use zoetrope_domain::{FeedPosition, TaskId};

use crate::{
    store::reading::{FeedPlace, Page},
    stream::{Scope, Start},
    task::{TaskSnapshot, Update},
};

const PAGE: usize = 2;

/// What the statements of the store do.
#[derive(Default)]
pub struct Table {
    states: BTreeMap<TaskId, TaskSnapshot>,
    heard: BTreeSet<u64>,
    floor: u64,
    pub forgotten: HashSet<TaskId>,
}

impl Table {
    pub fn save(&mut self, update: &Update) {
        let task = &update.task;
        self.heard.insert(task.position.get());
        if self.forgotten.contains(&task.task_id) {
            self.floor = self.floor.max(task.position.get());
        } else if self.states.get(&task.task_id).is_none_or(|known| known.version < task.version) {
            self.states.insert(task.task_id, task.clone());
        }
    }

    pub fn prune(&mut self, is_old: impl Fn(&TaskSnapshot) -> bool) {
        for task in self.states.values().filter(|task| is_old(task)) {
            self.floor = self.floor.max(task.position.get());
            self.forgotten.insert(task.task_id);
        }
        self.states.retain(|_, task| !is_old(task));
    }

    pub fn page(&self, scope: Scope, start: Start) -> Page {
        let frontier = (1..).take_while(|position| self.heard.contains(position)).last().unwrap_or(0);
        let [frontier, top, floor] = [frontier, self.heard.last().copied().unwrap_or(0), self.floor].map(FeedPosition::clamped);
        let wanted = |task: &&TaskSnapshot| match (scope, start) {
            (Scope::Task(wanted), _) => task.task_id == wanted,
            (Scope::Everything, Start::Present) => !task.has_ended(),
            (Scope::Everything, Start::After(seen)) => task.position > seen,
            (Scope::Everything, Start::Unknown) => true,
        };
        let mut states: Vec<TaskSnapshot> = self.states.values().filter(wanted).cloned().collect();
        states.sort_unstable_by_key(|task| task.position);
        let is_page = scope == Scope::Everything && matches!(start, Start::After(_));
        if is_page {
            states.truncate(PAGE);
        }
        let ends_at = states.last().filter(|_| is_page && states.len() == PAGE).map(|task| task.position);
        Page { place: FeedPlace { frontier, top, floor }, states, ends_at }
    }
}
