use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What was learned a moment ago: a map with a bound, whose entries go stale.
pub(crate) struct Recent<K, V> {
    capacity: usize,
    entries: Mutex<HashMap<K, Entry<V>>>,
}

struct Entry<V> {
    answer: V,
    stale_at: Instant,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, entries: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn get<Q>(&self, key: &Q, now: Instant) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.get(key).filter(|entry| now < entry.stale_at).map(|entry| entry.answer.clone())
    }

    pub(crate) fn put(&self, key: K, answer: V, lifetime: Duration, now: Instant) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity {
            entries.retain(|_, entry| now < entry.stale_at);
        }
        // Still full: forgetting everything costs one more question per key, which is cheaper than keeping an order of age.
        if entries.len() >= self.capacity {
            entries.clear();
        }
        entries.insert(key, Entry { answer, stale_at: now + lifetime });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_answer_goes_stale() {
        let now = Instant::now();
        let recent = Recent::new(10);
        recent.put("a", true, SECOND, now);
        assert_eq!(recent.get("a", now), Some(true));
        assert_eq!(recent.get("a", now + SECOND), None);
        assert_eq!(recent.get("b", now), None);
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let now = Instant::now();
        let recent = Recent::new(2);
        recent.put(1, true, SECOND, now);
        recent.put(2, true, 3 * SECOND, now);
        // The stale one makes room ...
        recent.put(3, true, 3 * SECOND, now + SECOND);
        assert_eq!(recent.get(&2, now + SECOND), Some(true));
        // ... and when none is stale, all go.
        recent.put(4, false, SECOND, now + SECOND);
        assert_eq!(recent.get(&2, now + SECOND), None);
        assert_eq!(recent.get(&4, now + SECOND), Some(false));
    }
}
