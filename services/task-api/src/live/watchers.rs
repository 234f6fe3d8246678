use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use zoetrope_domain::TaskId;

/// Who waits for news of which task.
#[derive(Default)]
pub struct Watchers(Mutex<HashMap<TaskId, Vec<Arc<Notify>>>>);

impl Watchers {
    /// From now on, no news of the task is missed.
    pub fn watch(this: &Arc<Self>, task: TaskId) -> Watch {
        let bell = Arc::new(Notify::new());
        this.lock().entry(task).or_default().push(Arc::clone(&bell));
        Watch { watchers: Arc::clone(this), task, bell }
    }

    /// There may be news of a task.
    pub fn nudge(&self, task: TaskId) {
        self.lock().get(&task).into_iter().flatten().for_each(|bell| bell.notify_one());
    }

    /// News may have been missed.
    pub fn nudge_all(&self) {
        self.lock().values().flatten().for_each(|bell| bell.notify_one());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskId, Vec<Arc<Notify>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for news of one task.
pub struct Watch {
    watchers: Arc<Watchers>,
    pub task: TaskId,
    bell: Arc<Notify>,
}

impl Watch {
    /// Waits for the next nudge. One that came since the last is kept; several are one.
    pub async fn nudged(&self) {
        self.bell.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut tasks = self.watchers.lock();
        if let Some(bells) = tasks.get_mut(&self.task) {
            bells.retain(|bell| !Arc::ptr_eq(bell, &self.bell));
            if bells.is_empty() {
                tasks.remove(&self.task);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    fn task(number: u128) -> TaskId {
        TaskId::new(Uuid::from_u128(number))
    }

    fn heard(watch: &Watch) -> bool {
        watch.nudged().now_or_never().is_some()
    }

    #[test]
    fn a_nudge_reaches_all_who_watch_the_task_and_waits_for_them() {
        let watchers = Arc::new(Watchers::default());
        let (first, second, other) =
            (Watchers::watch(&watchers, task(1)), Watchers::watch(&watchers, task(1)), Watchers::watch(&watchers, task(2)));
        watchers.nudge(task(1));
        watchers.nudge(task(1));
        watchers.nudge(task(3));
        assert!(heard(&first) && heard(&second) && !heard(&other));
        assert!(!heard(&first), "two nudges are one");
        watchers.nudge_all();
        assert!(heard(&first) && heard(&other));
    }

    #[test]
    fn nothing_is_kept_of_those_who_left() {
        let watchers = Arc::new(Watchers::default());
        let (first, second) = (Watchers::watch(&watchers, task(1)), Watchers::watch(&watchers, task(1)));
        drop(first);
        watchers.nudge(task(1));
        assert!(heard(&second));
        drop(second);
        assert!(watchers.lock().is_empty());
    }
}
