use std::time::Duration;

use zoetrope_redis::{Redis, Script};

use crate::{Decision, Quota, memory::Key};

/// What all processes know of debts: a key for each in Redis, in its time, which goes when the debt is paid off.
pub(crate) struct Shared {
    redis: Redis,
    take: Script,
}

impl Shared {
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis, take: Script::new(include_str!("take.lua")) }
    }

    /// Decides for all processes, with a debt that this one knows of. `None` when Redis does not answer in time.
    pub(crate) async fn take(&self, key: Key, quota: Quota, known: Duration) -> Option<Decision> {
        let name = self.redis.key(format_args!("limit:{}:{}", key.class.as_str(), key.subject));
        let args = (micros(quota.interval()), micros(quota.window()), micros(known));
        let (allowed, debt): (u8, u64) = self.redis.run(&self.take, &[name], args).await?;
        Some(quota.taken(allowed == 1, Duration::from_micros(debt)))
    }
}

/// For Redis, which is never told of times that are not bounded.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
