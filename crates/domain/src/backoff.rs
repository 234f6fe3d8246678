//! How long to wait before another try.

use std::time::Duration;

/// Doubles from `base` with each attempt (the first is 0) up to `max`, then takes off up to half of it, so that many who failed
/// together do not come back together. `jitter` is a random number from 0 to 1.
pub fn exponential(attempt: u32, base: Duration, max: Duration, jitter: f64) -> Duration {
    let full = base.saturating_mul(2u32.saturating_pow(attempt)).min(max);
    full.mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_doubles_up_to_the_limit() {
        let wait = |attempt| exponential(attempt, Duration::from_secs(1), Duration::from_secs(60), 0.0).as_secs();
        assert_eq!([wait(0), wait(1), wait(5), wait(6), wait(u32::MAX)], [1, 2, 32, 60, 60]);
    }

    proptest! {
        #[test]
        fn it_stays_between_half_and_full(attempt: u32, jitter in 0.0..=1.0) {
            let max = Duration::from_secs(60);
            let wait = exponential(attempt, Duration::from_millis(100), max, jitter);
            prop_assert!(wait >= Duration::from_millis(50) && wait <= max);
        }
    }
}
