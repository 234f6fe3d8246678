use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use metrics::{counter, describe_counter};
use zoetrope_redis::Redis;

use crate::{
    Class, Decision, LimitSettings, Subject,
    memory::{Key, Memory},
    shared::Shared,
};

const DECISIONS: &str = "zoetrope_rate_limit_decisions_total";
/// Debts that are remembered, of some 50 bytes each.
const REMEMBERED: usize = 100_000;
/// Redis is told of a debt that it does not know, as after a restart. It always knows of what it said itself, but the way to it takes now
/// longer, now shorter: without a tolerance every difference would be a debt.
const TOLERANCE: Duration = Duration::from_millis(100);

/// Decides about requests. Cheap to clone.
#[derive(Clone)]
pub struct Limiter(Arc<Inner>);

struct Inner {
    settings: LimitSettings,
    shared: Shared,
    memory: Memory,
}

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Shared,
    Remembered,
    Alone,
}

impl Limiter {
    /// `None` when the settings switch limits off.
    pub fn new(settings: LimitSettings, redis: Redis) -> Option<Self> {
        describe_counter!(DECISIONS, "Requests under a rate limit, by class, outcome and who decided.");
        let enabled = settings.enabled;
        enabled.then(|| Self(Arc::new(Inner { settings, shared: Shared::new(redis), memory: Memory::new(REMEMBERED) })))
    }

    /// Counts a request, and says whether it may go on.
    pub async fn decide(&self, class: Class, subject: Subject) -> Decision {
        let (decision, by) = self.0.decide(Key { class, subject }).await;
        let outcome = if decision.allowed { "allowed" } else { "refused" };
        counter!(DECISIONS, "class" => class.as_str(), "outcome" => outcome, "by" => by.as_str()).increment(1);
        decision
    }
}

impl Inner {
    async fn decide(&self, key: Key) -> (Decision, By) {
        let quota = self.settings.quota(key.class);
        let asked = Instant::now();
        let known = self.memory.debt(&key, asked);
        let remembered = quota.take(known);
        if !remembered.allowed {
            return (remembered, By::Remembered);
        }
        match self.shared.take(key, quota, known.saturating_sub(TOLERANCE)).await {
            Some(decision) => {
                self.memory.learn(key, decision.debt, asked);
                (decision, By::Shared)
            }
            None => (self.memory.take(key, quota, Instant::now()), By::Alone),
        }
    }
}

impl By {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Remembered => "remembered",
            Self::Alone => "alone",
        }
    }
}

#[cfg(test)]
mod tests;
