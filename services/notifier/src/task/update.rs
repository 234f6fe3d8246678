use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use super::TaskSnapshot;
use crate::frames::Dialect;

/// A state on its way to whoever follows the task: shared by all of them, and serialised once per dialect.
#[derive(Debug)]
pub struct Update {
    pub task: TaskSnapshot,
    /// The trace that the change belongs to; absent for a state that was read from the table.
    pub traceparent: Option<String>,
    enveloped: OnceLock<String>,
    flat: OnceLock<String>,
    is_told: AtomicBool,
}

impl Update {
    pub fn new(task: TaskSnapshot, traceparent: Option<String>) -> Self {
        Self { task, traceparent, enveloped: OnceLock::new(), flat: OnceLock::new(), is_told: AtomicBool::new(false) }
    }

    /// Whether this one makes `other` worthless.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.task.version > other.task.version
    }

    /// True once: for the first who tells it.
    pub fn begins_to_be_told(&self) -> bool {
        !self.is_told.load(Ordering::Relaxed) && !self.is_told.swap(true, Ordering::Relaxed)
    }

    /// The text of its frame, rendered by the first who needs it.
    pub fn text(&self, dialect: Dialect, render: impl FnOnce() -> String) -> &str {
        match dialect {
            Dialect::Enveloped => &self.enveloped,
            Dialect::Flat => &self.flat,
        }
        .get_or_init(render)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::processing;

    #[test]
    fn a_text_is_rendered_once_per_dialect() {
        let update = processing(1, 2, 10);
        assert_eq!(update.text(Dialect::Enveloped, || "first".to_owned()), "first");
        assert_eq!(update.text(Dialect::Enveloped, || "second".to_owned()), "first");
        assert_eq!(update.text(Dialect::Flat, || "flat".to_owned()), "flat");
    }
    #[test]
    fn only_one_is_the_first_to_tell_it() {
        let update = processing(1, 2, 10);
        assert!(update.begins_to_be_told());
        assert!(!update.begins_to_be_told());
    }
}
