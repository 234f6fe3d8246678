//! What the clients saw. They are the ones who were promised something, so what they noted is what the audit begins with.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::hearing::Ending;

/// A promise that was seen to be broken while things went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// A frame told more than a GET after it.
    HeardNotShown,
    /// Progress or state ran backwards.
    RanBackwards,
    /// An answer that no disaster excuses.
    BadAnswer,
    /// Two answers to one idempotency key named two tasks.
    TwoTasks,
    /// An answer to a cancellation that was not true.
    BrokenCancel,
    /// A process that ended by itself, or did not come back.
    Process,
    /// Something that should have happened did not come to it: no fault of the platform's, but no proof either.
    Untried,
}

/// A task that was answered with 2xx.
#[derive(Debug, Clone, Default)]
pub struct Accepted {
    /// A cancellation was answered as done.
    pub cancelled: bool,
    /// A cancellation was refused because the provider had finished.
    pub too_late_to_cancel: bool,
    /// The end that its user's socket told.
    pub learnt: Option<Ending>,
}

/// How much there was of what.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// States that were heard and then looked at.
    pub heard: u64,
    pub connections: u64,
    /// Connections that began where the one before had ended.
    pub resumed: u64,
    pub cancels: u64,
    /// Messages that the bus was given again.
    pub repeated: u64,
    /// Requests without an answer, or with 502 to 504.
    pub unanswered: u64,
    /// Users who still create, repeat or cancel.
    pub at_work: u64,
    /// Creations whose users gave up at the end of everything.
    pub given_up: u64,
}

#[derive(Debug, Default)]
struct Notes {
    accepted: BTreeMap<String, Accepted>,
    wrongs: BTreeMap<Wrong, Vec<String>>,
    counts: Counts,
}

#[derive(Debug, Default)]
pub struct Journal(Mutex<Notes>);

impl Journal {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn accepted(&self, video_id: &str) {
        self.notes().accepted.entry(video_id.to_owned()).or_default();
    }

    pub fn cancelled(&self, video_id: &str) {
        self.notes().accepted.entry(video_id.to_owned()).or_default().cancelled = true;
    }

    pub fn too_late_to_cancel(&self, video_id: &str) {
        self.notes().accepted.entry(video_id.to_owned()).or_default().too_late_to_cancel = true;
    }

    pub fn learnt(&self, video_id: &str, ending: Ending) {
        self.notes().accepted.entry(video_id.to_owned()).or_default().learnt = Some(ending);
    }

    pub fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.notes().counts);
    }

    /// The same words count once: a client that insists meets the same again and again.
    pub fn complain(&self, wrong: Wrong, what: String) {
        let mut notes = self.notes();
        let known = notes.wrongs.entry(wrong).or_default();
        if !known.contains(&what) {
            known.push(what);
        }
    }

    pub fn counts(&self) -> Counts {
        self.notes().counts
    }

    pub fn tasks(&self) -> BTreeMap<String, Accepted> {
        self.notes().accepted.clone()
    }

    pub fn wrongs(&self) -> BTreeMap<Wrong, Vec<String>> {
        self.notes().wrongs.clone()
    }

    /// Accepted tasks whose end nobody has heard yet.
    pub fn unlearnt(&self) -> usize {
        self.notes().accepted.values().filter(|task| task.learnt.is_none()).count()
    }
}
