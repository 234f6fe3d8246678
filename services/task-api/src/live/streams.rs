use std::{
    collections::HashMap,
    num::NonZeroU16,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use metrics::{describe_gauge, gauge};
use zoetrope_domain::UserId;

const OPEN: &str = "zoetrope_task_streams";

/// The open streams of this process, counted by user.
pub struct Streams {
    most: NonZeroU16,
    open: Mutex<HashMap<UserId, u16>>,
}

impl Streams {
    pub fn new(most: NonZeroU16) -> Self {
        describe_gauge!(OPEN, "Open streams of tasks.");
        gauge!(OPEN).set(0.0);
        Self { most, open: Mutex::default() }
    }

    pub fn admit(self: &Arc<Self>, user: UserId) -> Option<Admission> {
        let mut open = self.lock();
        let count = open.entry(user).or_default();
        if *count >= self.most.get() {
            return None;
        }
        *count += 1;
        gauge!(OPEN).increment(1.0);
        Some(Admission { streams: Arc::clone(self), user })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, u16>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One stream's place. Dropping it leaves, however the stream ended.
pub struct Admission {
    streams: Arc<Streams>,
    user: UserId,
}

impl Drop for Admission {
    fn drop(&mut self) {
        gauge!(OPEN).decrement(1.0);
        let mut open = self.streams.lock();
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_user_has_so_many_and_gets_another_for_one_that_ended() {
        let user = |number| UserId::new(Uuid::from_u128(number));
        let streams = Arc::new(Streams::new(NonZeroU16::MIN.saturating_add(1)));
        let first = streams.admit(user(1)).unwrap();
        let _second = streams.admit(user(1)).unwrap();
        assert!(streams.admit(user(1)).is_none());
        assert!(streams.admit(user(2)).is_some(), "others are not held up");
        drop(first);
        assert!(streams.admit(user(1)).is_some());
        assert_eq!(streams.lock().len(), 1, "nothing is kept of who left");
    }
}
