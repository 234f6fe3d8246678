use std::{collections::HashMap, sync::Arc};

use zoetrope_domain::{FeedPosition, TaskId};

use super::Found;
use crate::{
    stream::{ReadingKind, Scope, Start, Unavailable},
    task::{TaskSnapshot, Update},
};

/// How what was read and what was heard are one.
pub struct Merge {
    pub scope: Scope,
    pub start: Start,
    pub kind: ReadingKind,
    /// Everything up to here was in the table.
    pub frontier: FeedPosition,
    /// The table has more than was read.
    pub more: bool,
}

impl Merge {
    /// The newest states, in the order of their places.
    pub fn states(&self, stored: Vec<TaskSnapshot>, heard: Vec<Arc<Update>>) -> Vec<Arc<Update>> {
        let mut newest: HashMap<TaskId, Arc<Update>> =
            stored.into_iter().map(|task| (task.task_id, Arc::new(Update::new(task, None)))).collect();
        for update in heard {
            let is_wanted = match newest.get(&update.task.task_id) {
                Some(stored) => update.is_newer_than(stored) || update.task.version == stored.task.version,
                None => self.wants(&update),
            };
            if is_wanted {
                newest.insert(update.task.task_id, update);
            }
        }
        let mut states: Vec<_> = newest.into_values().collect();
        states.sort_unstable_by_key(|update| (update.task.position, update.task.created_at, update.task.task_id));
        states
    }

    /// Of a task of which nothing was read.
    fn wants(&self, update: &Update) -> bool {
        let position = update.task.position;
        match self.scope {
            Scope::Task(_) => true,
            // The table knew this state, or a newer one that is not asked for; or it comes with a later page.
            Scope::Everything if position.is_known() && (position <= self.frontier || self.more) => false,
            Scope::Everything => match self.kind {
                ReadingKind::Present | ReadingKind::Resync => !update.task.has_ended(),
                ReadingKind::Missed => position.is_known() && self.start.lacks(update),
            },
        }
    }
}

/// The newer of what was read and what was heard.
pub fn newest(stored: Result<Option<TaskSnapshot>, &Unavailable>, heard: Option<Arc<Update>>) -> Found {
    match (stored, heard) {
        (Ok(Some(stored)), Some(heard)) if stored.version > heard.task.version => {
            Found::State(Arc::new(Update::new(stored, None)))
        }
        (_, Some(heard)) => Found::State(heard),
        (Ok(Some(stored)), None) => Found::State(Arc::new(Update::new(stored, None))),
        (Ok(None), None) => Found::Nothing,
        (Err(_), None) => Found::Unavailable,
    }
}
