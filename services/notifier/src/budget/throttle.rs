use std::time::{Duration, Instant};

use super::{Bucket, Rate};

/// A bucket, and for how long its client has wanted more than it gives.
#[derive(Debug, Clone)]
pub struct Throttle {
    bucket: Bucket,
    patience: Duration,
    /// The first debt since the bucket was last half full.
    overdrawn_since: Option<Instant>,
}

impl Throttle {
    pub fn new(rate: Rate, patience: Duration, now: Instant) -> Self {
        Self { bucket: Bucket::full(rate, now), patience, overdrawn_since: None }
    }

    pub fn take(&mut self, units: u32, now: Instant) {
        if self.bucket.is_half_full(now) {
            self.overdrawn_since = None;
        }
        self.bucket.take(units, now);
        if self.bucket.ready_at(now).is_some() {
            self.overdrawn_since.get_or_insert(now);
        }
    }

    /// When its client may go on; none: now.
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        self.bucket.ready_at(now)
    }

    /// Whether it was made to wait again and again, and went on as before.
    pub fn is_flooded(&self, now: Instant) -> bool {
        let lasts = self.overdrawn_since.map(|since| now.saturating_duration_since(since));
        self.ready_at(now).is_some() && lasts.is_some_and(|lasts| lasts >= self.patience)
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Ten units, and one more each second.
    fn throttle(now: Instant) -> Throttle {
        let (burst, per_second) = (NonZeroU32::new(10).unwrap(), NonZeroU32::MIN);
        Throttle::new(Rate::new(burst, per_second), 5 * SECOND, now)
    }

    #[test]
    fn who_goes_on_is_found_out() {
        let start = Instant::now();
        let mut throttle = throttle(start);
        throttle.take(10, start);
        assert_eq!((throttle.ready_at(start), throttle.is_flooded(start)), (None, false));
        for second in 0..=5 {
            let now = start + second * SECOND;
            assert_eq!(throttle.ready_at(now), None, "after {second} s");
            throttle.take(1, now);
            assert_eq!((throttle.ready_at(now), throttle.is_flooded(now)), (Some(now + SECOND), second == 5), "after {second} s");
        }
    }

    #[test]
    fn who_keeps_quiet_for_a_while_begins_anew() {
        let start = Instant::now();
        let mut throttle = throttle(start);
        throttle.take(11, start);
        let rested = start + 6 * SECOND;
        throttle.take(6, rested);
        assert_eq!((throttle.ready_at(rested), throttle.is_flooded(rested)), (Some(rested + SECOND), false));
        assert!(!throttle.is_flooded(rested + 6 * SECOND), "it owes nothing");
    }
}
