use std::{num::NonZeroU32, time::Duration};

/// So many requests in a window of time, by the generic cell rate algorithm.
///
/// A request costs an interval of time, the window divided by the limit. What is owed of it, the *debt*, is paid off as time passes. A
/// request is refused when the debt would become longer than the window. So all of a limit may be used at once, and then comes back
/// evenly, one request per interval.
///
/// Times are counted in whole microseconds, so that this and the script in Redis agree exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    limit: NonZeroU32,
    /// Microseconds.
    interval: u64,
}

/// What became of a request, and how its sender stands afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub allowed: bool,
    pub(crate) debt: Duration,
    quota: Quota,
}

impl Quota {
    pub const fn new(limit: NonZeroU32, window_seconds: NonZeroU32) -> Self {
        const MICROS: u64 = 1_000_000;
        let interval = (window_seconds.get() as u64 * MICROS).div_ceil(limit.get() as u64);
        Self { limit, interval }
    }

    /// Decides about a request of somebody with this debt.
    pub fn take(self, debt: Duration) -> Decision {
        let debt = debt.min(self.window());
        let after = debt + self.interval();
        let allowed = after <= self.window();
        Decision { allowed, debt: if allowed { after } else { debt }, quota: self }
    }

    /// The decision that was taken elsewhere by this rule.
    pub(crate) fn taken(self, allowed: bool, debt: Duration) -> Decision {
        Decision { allowed, debt, quota: self }
    }

    pub(crate) const fn interval(self) -> Duration {
        Duration::from_micros(self.interval)
    }

    /// The longest debt. By rounding up to a few microseconds longer than what was asked for.
    pub(crate) const fn window(self) -> Duration {
        Duration::from_micros(self.interval * self.limit.get() as u64)
    }
}

impl Decision {
    pub fn limit(&self) -> u32 {
        self.quota.limit.get()
    }

    /// Requests that may follow at once.
    pub fn remaining(&self) -> u64 {
        let left = self.quota.window().saturating_sub(self.debt);
        u64::try_from(left.as_micros() / u128::from(self.quota.interval)).unwrap_or_default()
    }

    /// Until all of the limit is there again.
    pub fn reset_after(&self) -> Duration {
        self.debt
    }

    /// Until the next request is allowed.
    pub fn retry_after(&self) -> Duration {
        (self.debt + self.quota.interval()).saturating_sub(self.quota.window())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const fn quota(limit: u32, window_seconds: u32) -> Quota {
        Quota::new(NonZeroU32::new(limit).unwrap(), NonZeroU32::new(window_seconds).unwrap())
    }

    #[test]
    fn a_limit_may_be_used_at_once_and_comes_back_evenly() {
        let (three, mut debt) = (quota(3, 3600), Duration::ZERO);
        for remaining in [2, 1, 0] {
            let decision = three.take(debt);
            assert!(decision.allowed);
            assert_eq!((decision.limit(), decision.remaining()), (3, remaining));
            debt = decision.debt;
        }
        let refused = three.take(debt);
        assert!(!refused.allowed);
        assert_eq!(refused.retry_after(), Duration::from_secs(1200));
        assert_eq!(refused.reset_after(), Duration::from_secs(3600));

        let later = three.take(debt - Duration::from_secs(1200));
        assert!(later.allowed);
        assert_eq!(later.remaining(), 0);
    }

    #[test]
    fn a_debt_from_nowhere_locks_nobody_out_for_longer_than_the_window() {
        let refused = quota(10, 60).take(Duration::MAX);
        assert!(!refused.allowed);
        assert_eq!((refused.retry_after(), refused.reset_after()), (Duration::from_secs(6), Duration::from_secs(60)));
    }

    fn quotas() -> impl Strategy<Value = Quota> {
        (1u32..500, 1u32..5000).prop_map(|(limit, window)| quota(limit, window))
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_gets_more_than_the_limit_and_what_came_back(
            quota in quotas(), pauses in vec(0u64..2_000_000, 1..300), scale in 1u64..50,
        ) {
            let (mut now, mut free_at) = (Duration::ZERO, Duration::ZERO);
            let mut allowed_at: Vec<Duration> = Vec::new();
            for pause in pauses {
                now += Duration::from_micros(pause * scale);
                let decision = quota.take(free_at.saturating_sub(now));
                if decision.allowed {
                    free_at = now + decision.debt;
                    allowed_at.push(now);
                }
            }
            for (first, start) in allowed_at.iter().enumerate() {
                for (count, end) in allowed_at[first..].iter().enumerate() {
                    let came_back = (*end - *start).as_micros() / quota.interval().as_micros();
                    prop_assert!((count as u128) < u128::from(quota.limit.get()) + came_back);
                }
            }
        }

        #[test]
        fn what_remains_is_allowed_and_nothing_more(quota in quotas(), debt in 0u64..5_000_000_000) {
            let first = quota.take(Duration::from_micros(debt));
            let mut debt = first.debt;
            for _ in 0..first.remaining() {
                let next = quota.take(debt);
                prop_assert!(next.allowed);
                debt = next.debt;
            }
            prop_assert!(!quota.take(debt).allowed);
        }

        #[test]
        fn who_waits_as_told_is_allowed_and_nobody_before(quota in quotas(), debt in 0u64..5_000_000_000) {
            let refused = quota.take(Duration::from_micros(debt));
            prop_assume!(!refused.allowed);
            let wait = refused.retry_after();
            prop_assert!(quota.take(refused.debt - wait).allowed);
            prop_assert!(!quota.take(refused.debt - (wait - Duration::from_micros(1))).allowed);
        }

        #[test]
        fn who_keeps_to_the_rate_is_never_refused(quota in quotas(), late in vec(0u64..1000, 1..200)) {
            let mut debt = Duration::ZERO;
            for late in late {
                let decision = quota.take(debt);
                prop_assert!(decision.allowed);
                debt = decision.debt.saturating_sub(quota.interval() + Duration::from_micros(late));
            }
        }
    }
}
