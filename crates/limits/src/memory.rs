use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{Class, Decision, Quota, Subject};

/// Whose requests of which class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) class: Class,
    pub(crate) subject: Subject,
}

/// What this process knows of debts: those that it heard of, and those that it allowed itself. Others may have allowed more, so nobody
/// owes less than is known here.
#[derive(Debug)]
pub(crate) struct Memory {
    capacity: usize,
    /// When each debt will be paid off.
    debts: Mutex<HashMap<Key, Instant>>,
}

impl Memory {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, debts: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn debt(&self, key: &Key, now: Instant) -> Duration {
        debt(&self.debts(), key, now)
    }

    /// Keeps in mind that somebody owed this at this time.
    pub(crate) fn learn(&self, key: Key, owed: Duration, at: Instant) {
        let mut debts = self.debts();
        if owed > debt(&debts, &key, at) {
            self.put(&mut debts, key, at + owed, at);
        }
    }

    /// Decides by what is known here.
    pub(crate) fn take(&self, key: Key, quota: Quota, now: Instant) -> Decision {
        let mut debts = self.debts();
        let decision = quota.take(debt(&debts, &key, now));
        if decision.allowed {
            self.put(&mut debts, key, now + decision.debt, now);
        }
        decision
    }

    fn put(&self, debts: &mut HashMap<Key, Instant>, key: Key, paid_off: Instant, now: Instant) {
        if debts.len() >= self.capacity {
            debts.retain(|_, paid_off| *paid_off > now);
        }
        // Still full: Redis knows them all, and to forgive is better than to grow for as long as somebody changes addresses.
        if debts.len() >= self.capacity {
            debts.clear();
        }
        debts.insert(key, paid_off);
    }

    fn debts(&self) -> MutexGuard<'_, HashMap<Key, Instant>> {
        self.debts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn debt(debts: &HashMap<Key, Instant>, key: &Key, now: Instant) -> Duration {
    debts.get(key).map_or(Duration::ZERO, |paid_off| paid_off.saturating_duration_since(now))
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, num::NonZeroU32};

    use super::*;

    const TWO_A_MINUTE: Quota = Quota::new(NonZeroU32::new(2).unwrap(), NonZeroU32::new(60).unwrap());
    const SECOND: Duration = Duration::from_secs(1);

    fn key(number: u32) -> Key {
        Key { class: Class::General, subject: Subject::address(Ipv4Addr::from_bits(number).into()) }
    }

    #[test]
    fn it_keeps_the_limit_of_each() {
        let (memory, now) = (Memory::new(10), Instant::now());
        let allowed = |number, now| memory.take(key(number), TWO_A_MINUTE, now).allowed;
        assert!(allowed(1, now) && allowed(1, now) && !allowed(1, now));
        assert!(allowed(2, now));
        assert!(!allowed(1, now + 29 * SECOND));
        assert!(allowed(1, now + 30 * SECOND) && !allowed(1, now + 30 * SECOND));
    }

    #[test]
    fn it_goes_on_from_what_it_heard_and_never_forgives() {
        let (memory, now) = (Memory::new(10), Instant::now());
        memory.learn(key(1), 60 * SECOND, now);
        memory.learn(key(1), 20 * SECOND, now);
        assert_eq!(memory.debt(&key(1), now + 10 * SECOND), 50 * SECOND);
        assert!(!memory.take(key(1), TWO_A_MINUTE, now).allowed);
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let (memory, now) = (Memory::new(2), Instant::now());
        memory.learn(key(1), SECOND, now);
        memory.learn(key(2), 60 * SECOND, now);
        // What is paid off makes room ...
        memory.learn(key(3), 60 * SECOND, now + 2 * SECOND);
        assert_eq!(memory.debt(&key(2), now), 60 * SECOND);
        // ... and when nothing is, all is forgiven.
        memory.learn(key(4), 60 * SECOND, now + 2 * SECOND);
        assert_eq!(memory.debt(&key(2), now), Duration::ZERO);
        assert_eq!(memory.debts().len(), 1);
    }
}
