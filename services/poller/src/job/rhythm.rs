use std::time::Duration;

/// The part of its age that a young job waits for its next poll.
const QUICK_START: f64 = 0.5;
/// The part of the distance to the expected end that a job waits.
const APPROACH: f64 = 0.25;

/// When a job is looked at again: quickly at first, since that is when a user watches and when a provider refuses; then rarely; and
/// quickly again around the time at which its model usually ends, so that an end is found soon after it has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rhythm {
    /// Shortest time between two polls of a job.
    pub(crate) min_interval: Duration,
    /// Longest time between two polls of a job.
    pub(crate) max_interval: Duration,
    /// How long the model usually takes, once that was observed.
    pub(crate) typical: Option<Duration>,
}

impl Rhythm {
    /// Time until the next poll of a job that the provider has had for `age`, before jitter.
    pub(super) fn wait(&self, age: Duration) -> Duration {
        let quick = age.mul_f64(QUICK_START);
        let approach = self.typical.map_or(Duration::MAX, |typical| age.abs_diff(typical).mul_f64(APPROACH));
        quick.min(approach).clamp(self.min_interval, self.max_interval.max(self.min_interval))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rhythm(typical: Option<u64>) -> Rhythm {
        Rhythm { min_interval: SECOND * 2, max_interval: SECOND * 30, typical: typical.map(Duration::from_secs) }
    }

    fn polls(rhythm: Rhythm, until: Duration) -> Vec<Duration> {
        let mut polls = vec![];
        let mut age = rhythm.wait(Duration::ZERO);
        while age < until {
            polls.push(age);
            age += rhythm.wait(age);
        }
        polls
    }

    #[test]
    fn a_new_model_is_looked_at_less_and_less() {
        let wait = |age: u64| rhythm(None).wait(SECOND * age.try_into().unwrap()).as_secs();
        assert_eq!([wait(0), wait(10), wait(40), wait(3600)], [2, 5, 20, 30]);
    }

    #[test]
    fn a_known_model_is_looked_at_around_its_usual_end() {
        let rhythm = rhythm(Some(120));
        let wait = |age: u64| rhythm.wait(SECOND * age.try_into().unwrap()).as_secs();
        assert_eq!([wait(2), wait(60), wait(100), wait(120), wait(130), wait(200), wait(3600)], [2, 15, 5, 2, 2, 20, 30]);
        let polls = polls(rhythm, SECOND * 130);
        assert!((10..=30).contains(&polls.len()), "{} polls", polls.len());
        assert!(polls.iter().any(|poll| *poll >= SECOND * 120 && *poll <= SECOND * 123), "{polls:?}");
    }

    #[test]
    fn a_fixed_interval_stays_fixed() {
        let rhythm = Rhythm { min_interval: SECOND * 30, max_interval: SECOND * 30, typical: Some(SECOND * 9) };
        assert!([0, 5, 9, 500].iter().all(|age| rhythm.wait(SECOND * *age) == SECOND * 30));
    }

    proptest! {
        #[test]
        fn the_bounds_hold(age in 0_u64..10_000_000, typical in prop::option::of(0_u64..10_000_000)) {
            let rhythm = Rhythm { typical: typical.map(Duration::from_millis), ..rhythm(None) };
            let wait = rhythm.wait(Duration::from_millis(age));
            prop_assert!((rhythm.min_interval..=rhythm.max_interval).contains(&wait));
        }

        #[test]
        fn an_end_at_the_usual_time_is_found_soon(typical in 10_u64..3600) {
            let rhythm = rhythm(Some(typical));
            let found = *polls(rhythm, Duration::from_secs(typical + 31)).iter().find(|age| age.as_secs() >= typical).unwrap();
            prop_assert!(found <= Duration::from_secs(typical + 3), "{found:?}");
        }
    }
}
