use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use redis::RedisError;

/// After a failure, how long Redis is not asked: callers must not each wait in vain.
const REST: Duration = Duration::from_secs(1);

/// Whether Redis is away, as far as the last commands could tell.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    resting_until: Mutex<Option<Instant>>,
    /// Whether the last command failed, so that an outage is logged once.
    away: AtomicBool,
}

impl Outage {
    /// Whether a question would probably be in vain.
    pub(crate) fn is_resting(&self, now: Instant) -> bool {
        self.resting_until.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|until| now < until)
    }

    pub(crate) fn rest(&self, now: Instant) {
        *self.resting_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(now + REST);
    }

    /// Logs the beginning and the end of an outage.
    pub(crate) fn note(&self, error: Option<&RedisError>) {
        let was_away = self.away.swap(error.is_some(), Ordering::Relaxed);
        match error {
            Some(error) if !was_away => tracing::warn!(%error, "Redis is away; this process goes on without it"),
            None if was_away => tracing::info!("Redis is back"),
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_nobody_asks_for_a_second() {
        let (outage, now) = (Outage::default(), Instant::now());
        assert!(!outage.is_resting(now));
        outage.rest(now);
        assert!(outage.is_resting(now + REST - Duration::from_millis(1)));
        assert!(!outage.is_resting(now + REST));
    }
}
