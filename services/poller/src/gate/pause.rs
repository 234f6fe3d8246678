use std::time::{Duration, Instant};

use zoetrope_domain::backoff;

/// Longest pause that a provider is granted.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// First and longest pause after a refusal that names none.
const FIRST: Duration = Duration::from_secs(1);
const LAST: Duration = Duration::from_secs(60);
/// The other processes are not told of less: under load every answer would move the end by a little.
const WORTH_TELLING: Duration = Duration::from_millis(100);

/// Until when the provider wants no requests. It only ever moves later.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until: Option<Instant>,
    /// When the newest pause began: the refusals of calls that began before it are its echo.
    since: Option<Instant>,
    /// Refusals in a row that named no time.
    strikes: u32,
    /// The end that the other processes know.
    told: Option<Instant>,
}

/// A pause was begun or prolonged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paused {
    /// Requests could pass until now.
    pub(super) begins: bool,
    /// How long it lasts from now on.
    pub(super) wait: Duration,
}

impl Pause {
    /// The rest of the pause.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(now)).filter(|rest| !rest.is_zero())
    }

    pub(super) const fn strikes(&self) -> u32 {
        self.strikes
    }

    /// The provider refused a call that began then, and perhaps named a time. `jitter` is a random number from 0 to 1.
    pub(super) fn refused(&mut self, began: Instant, now: Instant, asked: Option<Duration>, jitter: f64) -> Option<Paused> {
        let wait = match asked.filter(|asked| !asked.is_zero()) {
            Some(asked) => asked.min(LONGEST),
            None if self.since.is_some_and(|since| began < since) => return None,
            None => {
                let wait = backoff::exponential(self.strikes, FIRST, LAST, jitter);
                self.strikes = self.strikes.saturating_add(1);
                wait
            }
        };
        self.last(now, wait)
    }

    /// Another process knows of a pause.
    pub(super) fn heard(&mut self, now: Instant, rest: Duration, strikes: u32) -> Option<Paused> {
        let paused = self.last(now, rest.min(LONGEST))?;
        self.strikes = self.strikes.max(strikes);
        self.told = self.until;
        Some(paused)
    }

    /// The provider took a call that began then.
    pub(super) fn answered(&mut self, began: Instant) {
        if self.since.is_none_or(|since| began >= since) {
            self.strikes = 0;
        }
    }

    /// Whether the others are to be told of the pause. They count as told then.
    pub(super) fn is_news(&mut self, now: Instant) -> bool {
        let news = self.until.filter(|until| now < *until && self.told.is_none_or(|told| *until >= told + WORTH_TELLING));
        self.told = news.or(self.told);
        news.is_some()
    }

    fn last(&mut self, now: Instant, wait: Duration) -> Option<Paused> {
        let until = now + wait;
        if wait.is_zero() || self.until.is_some_and(|known| until <= known) {
            return None;
        }
        let begins = self.rest(now).is_none();
        self.until = Some(until);
        if begins {
            self.since = Some(now);
        }
        Some(Paused { begins, wait })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn refused(pause: &mut Pause, now: Instant, asked: Option<Duration>) -> Option<u64> {
        pause.refused(now, now, asked, 0.0).map(|paused| paused.wait.as_secs())
    }

    #[test]
    fn the_provider_is_obeyed_within_reason() {
        let (mut pause, now) = (Pause::default(), Instant::now());
        assert_eq!(refused(&mut pause, now, Some(7 * SECOND)), Some(7));
        assert_eq!(pause.rest(now + 6 * SECOND), Some(SECOND));
        assert_eq!(pause.rest(now + 7 * SECOND), None);
        assert_eq!(refused(&mut pause, now, Some(100 * LONGEST)), Some(3600));
    }

    #[test]
    fn refusals_without_a_time_wait_longer_and_longer_until_one_call_is_taken() {
        let (mut pause, mut now) = (Pause::default(), Instant::now());
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(refused(&mut pause, now, None), Some(expected));
            now += 61 * SECOND;
        }
        pause.answered(now);
        assert_eq!(refused(&mut pause, now, Some(Duration::ZERO)), Some(1), "no time at all is none");
    }

    #[test]
    fn the_echo_of_a_refusal_says_nothing_new() {
        let (mut pause, now) = (Pause::default(), Instant::now());
        assert_eq!(refused(&mut pause, now, None), Some(1));
        // Fifty calls were under way.
        for later in 1..50 {
            assert_eq!(pause.refused(now - SECOND, now + later * SECOND / 20, None, 0.0), None);
        }
        // Neither does a success among them.
        pause.answered(now - SECOND);
        assert_eq!(refused(&mut pause, now + 3 * SECOND, None), Some(2));
    }

    #[test]
    fn what_another_process_heard_counts_here() {
        let (mut pause, now) = (Pause::default(), Instant::now());
        assert_eq!(pause.heard(now, 4 * SECOND, 3), Some(Paused { begins: true, wait: 4 * SECOND }));
        assert!(!pause.is_news(now), "it need not be told back");
        assert_eq!(pause.heard(now, 2 * SECOND, 9), None);
        assert_eq!(refused(&mut pause, now + 5 * SECOND, None), Some(8));
    }

    #[test]
    fn the_others_are_told_of_what_matters() {
        let (mut pause, now) = (Pause::default(), Instant::now());
        refused(&mut pause, now, Some(SECOND));
        assert!(pause.is_news(now));
        refused(&mut pause, now + SECOND / 100, Some(SECOND));
        assert!(!pause.is_news(now));
        refused(&mut pause, now + SECOND / 2, Some(SECOND));
        assert!(pause.is_news(now + SECOND / 2));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Refused(Option<u64>),
        Heard(u64, u32),
        Answered,
    }

    fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
        let step = prop_oneof![
            proptest::option::of(0u64..10_000_000).prop_map(Step::Refused),
            (0u64..10_000_000, 0u32..100).prop_map(|(rest, strikes)| Step::Heard(rest, strikes)),
            Just(Step::Answered),
        ];
        proptest::collection::vec((0u64..90_000, step), 1..40)
    }

    proptest! {
        #[test]
        fn a_pause_is_never_shortened_and_never_endless(steps in steps(), jitter in 0.0..=1.0) {
            let (mut pause, mut now) = (Pause::default(), Instant::now());
            for (millis, step) in steps {
                now += Duration::from_millis(millis);
                let before = pause.rest(now).unwrap_or_default();
                match step {
                    Step::Refused(asked) => {
                        pause.refused(now, now, asked.map(Duration::from_millis), jitter);
                        prop_assert!(pause.rest(now).is_some(), "a refusal pauses");
                    }
                    Step::Heard(rest, strikes) => {
                        pause.heard(now, Duration::from_millis(rest), strikes);
                    }
                    Step::Answered => pause.answered(now),
                }
                let after = pause.rest(now).unwrap_or_default();
                prop_assert!(after >= before && after <= LONGEST);
            }
        }
    }
}
