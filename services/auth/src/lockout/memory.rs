use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::rules::lockout::{Failures, Patience};

const MOST: usize = 100_000;

/// What this process counts by itself while Redis is away.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<HashMap<String, Failures>>);

impl Memory {
    /// Looks whether all doors are open, and if so, counts a failure at the first; else the time that one has to wait.
    pub(super) fn count(&self, doors: &[&String], patience: &Patience, now: Instant) -> Result<(), Duration> {
        let mut known = self.lock();
        if let Some(wait) = doors.iter().filter_map(|door| known.get(*door)?.wait(now)).max() {
            return Err(wait);
        }
        let Some(first) = doors.first() else { return Ok(()) };
        if known.len() >= MOST {
            known.retain(|_, failures| !failures.are_forgotten(patience, now));
        }
        // Still full: as many names as this take longer to try than any wait lasts.
        if known.len() >= MOST {
            known.clear();
        }
        let failures = Failures::one_more(known.get(*first).copied(), patience, now);
        known.insert((*first).clone(), failures);
        Ok(())
    }

    pub(super) fn take_back(&self, door: &str) {
        if let Some(failures) = self.lock().get_mut(door) {
            *failures = failures.one_less();
        }
    }

    pub(super) fn forget(&self, door: &str) {
        self.lock().remove(door);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
