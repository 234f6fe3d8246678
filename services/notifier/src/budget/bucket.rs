use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

/// How much a bucket holds, and how fast it is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In which one unit comes in.
    unit: Duration,
    /// In which an empty bucket gets full.
    burst: Duration,
}

impl Rate {
    pub fn new(burst: NonZeroU32, per_second: NonZeroU32) -> Self {
        let unit = Duration::from_secs(1) / per_second.get();
        Self { unit, burst: unit * burst.get() }
    }
}

/// A token bucket that may be overdrawn: what something has cost is often known only afterwards, so nothing is taken while there is a debt,
/// and its costs are taken whatever they are. (The limiters of the `governor` crate refuse what costs more than there is, and cannot be charged
/// afterwards.)
///
/// All that is kept is when it would be full again if nothing more were taken, so it reads no clock and does nothing while time passes.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: Rate,
    full_at: Instant,
}

impl Bucket {
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self { rate, full_at: now }
    }

    /// Takes so many units. A debt never grows beyond what the bucket holds, so that nobody waits for longer than an empty one takes to fill.
    pub fn take(&mut self, units: u32, now: Instant) {
        let full_at = self.full_at.max(now) + self.rate.unit * units;
        self.full_at = full_at.min(now + self.rate.burst * 2);
    }

    /// When the debt is paid; none if there is none.
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        self.full_at.checked_sub(self.rate.burst).filter(|ready| *ready > now)
    }

    /// Whether the debt is more than half of what the bucket holds.
    pub fn is_deep_in_debt(&self, now: Instant) -> bool {
        self.ready_at(now).is_some_and(|ready| ready - now > self.rate.burst / 2)
    }

    pub fn is_half_full(&self, now: Instant) -> bool {
        self.full_at <= now + self.rate.burst / 2
    }

    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(burst: u32, per_second: u32) -> Rate {
        Rate::new(NonZeroU32::new(burst).unwrap(), NonZeroU32::new(per_second).unwrap())
    }

    #[test]
    fn what_is_overdrawn_is_paid_back() {
        let now = Instant::now();
        let mut bucket = Bucket::full(rate(10, 2), now);
        bucket.take(10, now);
        assert_eq!(bucket.ready_at(now), None);
        bucket.take(3, now);
        assert_eq!(bucket.ready_at(now), Some(now + Duration::from_millis(1500)));
        assert_eq!(bucket.ready_at(now + Duration::from_millis(1500)), None);
        let full = now + Duration::from_millis(6500);
        assert!(!bucket.is_full(full - Duration::from_millis(1)) && bucket.is_full(full));
        assert!(bucket.is_half_full(now + Duration::from_secs(4)) && !bucket.is_half_full(now + Duration::from_millis(3999)));
    }

    #[test]
    fn a_debt_is_bounded() {
        let now = Instant::now();
        let mut bucket = Bucket::full(rate(10, 2), now);
        bucket.take(u32::MAX, now);
        assert_eq!(bucket.ready_at(now), Some(now + Duration::from_secs(5)));
        assert!(bucket.is_deep_in_debt(now) && !bucket.is_deep_in_debt(now + Duration::from_millis(2500)));
    }

    proptest! {
        /// Whoever takes something only while there is no debt, and never more than the bucket holds, gets in any time what it holds, what
        /// comes in and one cost more.
        #[test]
        fn nobody_gets_more_than_the_rate(
            burst in 1_u32..1000,
            per_second in 1_u32..1000,
            steps in prop::collection::vec((0_u64..500, 1_u32..100), 1..200),
        ) {
            let start = Instant::now();
            let mut now = start;
            let mut bucket = Bucket::full(rate(burst, per_second), now);
            let mut taken = 0_u64;
            for (millis, cost) in steps {
                let cost = 1 + cost % burst;
                now += Duration::from_millis(millis);
                let ready = bucket.ready_at(now);
                if ready.is_none() {
                    bucket.take(cost, now);
                    taken += u64::from(cost);
                }
                prop_assert!(ready.is_none_or(|ready| ready > now && ready <= now + bucket.rate.burst));
                let came_in = (now - start).as_secs_f64() * f64::from(per_second);
                // A unit more, because the time of a unit is cut to nanoseconds.
                prop_assert!(taken as f64 <= f64::from(burst) + came_in + 100.0 + 1.0, "{taken}");
            }
            prop_assert!(bucket.is_full(now + 2 * bucket.rate.burst));
        }
    }
}
