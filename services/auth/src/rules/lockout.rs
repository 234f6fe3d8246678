//! How long the next try has to wait after wrong passwords.
//!
//! Some failures are free. Each one beyond them closes the door for twice as long as the one before, up to a limit. A try at a closed door
//! is refused unseen and counts for nothing, so nobody can keep it closed for longer than the limit from the last try that was heard. With
//! time, failures are forgotten.

use std::time::{Duration, Instant};

use zoetrope_domain::backoff;

/// How patient we are with one account, or with one address.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// So many failures cost nothing.
    pub free_failures: u32,
    /// After the first that costs something.
    pub first_wait: Duration,
    pub longest_wait: Duration,
    /// From the end of the last wait until all failures are forgotten.
    pub memory: Duration,
}

impl Patience {
    /// What so many failures in a row cost.
    pub fn wait_after(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free_failures) {
            None | Some(0) => Duration::ZERO,
            Some(beyond) => backoff::exponential(beyond - 1, self.first_wait, self.longest_wait, 0.0),
        }
    }

    /// What one failure costs, two, and so on; more than these cost what the last one does.
    pub fn waits(&self) -> Vec<Duration> {
        let grows = |before: u32| before <= self.free_failures || self.wait_after(before) < self.longest_wait;
        // A first wait of nothing never grows.
        let bound = self.free_failures.saturating_add(64);
        (1..=bound)
            .take_while(|failures| *failures == 1 || grows(failures - 1))
            .map(|failures| self.wait_after(failures))
            .collect()
    }
}

/// The failures in a row of one account, or of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    count: u32,
    open_at: Instant,
}

impl Failures {
    /// What is known after one more failure.
    pub fn one_more(before: Option<Self>, patience: &Patience, now: Instant) -> Self {
        let count =
            before.filter(|before| !before.are_forgotten(patience, now)).map_or(0, |before| before.count).saturating_add(1);
        Self { count, open_at: now + patience.wait_after(count) }
    }

    /// How long the door stays closed.
    pub fn wait(&self, now: Instant) -> Option<Duration> {
        self.open_at.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }

    pub fn are_forgotten(&self, patience: &Patience, now: Instant) -> bool {
        now >= self.open_at + patience.memory
    }

    /// One of them turns out to be none. The door opens no earlier for it.
    pub fn one_less(self) -> Self {
        Self { count: self.count.saturating_sub(1), ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Patience = Patience {
        free_failures: 5,
        first_wait: Duration::from_secs(1),
        longest_wait: Duration::from_secs(900),
        memory: Duration::from_secs(3600),
    };

    #[test]
    fn a_wait_doubles_up_to_the_limit() {
        let seconds = |failures| PATIENCE.wait_after(failures).as_secs();
        assert_eq!([0, 1, 5, 6, 7, 8, 15, 16, u32::MAX].map(seconds), [0, 0, 0, 1, 2, 4, 512, 900, 900]);
        let all: Vec<u64> = PATIENCE.waits().iter().map(Duration::as_secs).collect();
        assert_eq!(all, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]);
    }

    #[test]
    fn time_forgets() {
        let now = Instant::now();
        let many = (0..20).fold(None, |before, _| Some(Failures::one_more(before, &PATIENCE, now))).unwrap();
        let later = now + PATIENCE.longest_wait + PATIENCE.memory;
        assert!(!many.are_forgotten(&PATIENCE, later - Duration::from_secs(1)) && many.are_forgotten(&PATIENCE, later));
        assert_eq!(Failures::one_more(Some(many), &PATIENCE, later).wait(later), None);
    }

    #[test]
    fn what_was_no_failure_costs_nothing() {
        let now = Instant::now();
        let mut before = None;
        for _ in 0..100 {
            let failures = Failures::one_more(before, &PATIENCE, now);
            assert_eq!(failures.wait(now), None);
            before = Some(failures.one_less());
        }
    }

    prop_compose! {
        fn patience()(free_failures in 0..20u32, first in 0..5_000u64, longest in 0..2_000_000u64, memory in 0..10_000_000u64) -> Patience {
            let ms = Duration::from_millis;
            Patience { free_failures, first_wait: ms(first), longest_wait: ms(longest), memory: ms(memory) }
        }
    }

    /// Somebody knocks at these distances. `None` is refused unseen; else the failures up to then.
    fn knock(patience: &Patience, pauses: &[u64]) -> Vec<(Instant, Option<Failures>)> {
        let mut now = Instant::now();
        let mut known: Option<Failures> = None;
        let knock = |pause: &u64| {
            now += Duration::from_millis(*pause);
            if known.and_then(|known| known.wait(now)).is_some() {
                return (now, None);
            }
            known = Some(Failures::one_more(known, patience, now));
            (now, known)
        };
        pauses.iter().map(knock).collect()
    }

    proptest! {
        #[test]
        fn more_failures_never_cost_less_and_never_more_than_the_limit(patience in patience(), failures in 0..1_000u32) {
            let (before, after) = (patience.wait_after(failures), patience.wait_after(failures + 1));
            prop_assert!(before <= after && after <= patience.longest_wait);
            prop_assert!(failures > patience.free_failures || before == Duration::ZERO);
        }

        #[test]
        fn the_list_of_waits_says_the_same(patience in patience(), failures in 1..200usize) {
            let waits = patience.waits();
            let listed = waits.get(failures - 1).or(waits.last()).copied().unwrap_or_default();
            prop_assert_eq!(listed, patience.wait_after(u32::try_from(failures).unwrap()));
        }

        /// Nobody can lock a door for good: whatever was tried, it is open after the longest wait.
        #[test]
        fn no_door_stays_closed(patience in patience(), pauses in prop::collection::vec(0..100_000u64, 1..100)) {
            let heard = knock(&patience, &pauses).into_iter().filter_map(|(at, failures)| Some((at, failures?))).next_back();
            let (at, failures) = heard.unwrap();
            prop_assert!(failures.wait(at + patience.longest_wait).is_none());
        }

        /// Refused tries change nothing: the same ones are heard without them.
        #[test]
        fn knocking_at_a_closed_door_does_not_keep_it_closed(patience in patience(), pauses in prop::collection::vec(0..100_000u64, 1..100)) {
            let all = knock(&patience, &pauses);
            let start = all[0].0;
            let heard: Vec<u64> = all.iter().filter(|(_, heard)| heard.is_some()).map(|(at, _)| u64::try_from((*at - start).as_millis()).unwrap()).collect();
            let pauses: Vec<u64> = heard.iter().scan(0, |last, at| Some(at - std::mem::replace(last, *at))).collect();
            prop_assert!(knock(&patience, &pauses).iter().all(|(_, heard)| heard.is_some()));
        }

        /// Who guesses without pause gets little more than one guess for each longest wait.
        #[test]
        fn guesses_are_few(step in 100..2_000u64) {
            let day = 24 * 60 * 60 * 1_000;
            let guesses = knock(&PATIENCE, &vec![step; usize::try_from(day / step).unwrap()]).iter().filter(|(_, heard)| heard.is_some()).count();
            prop_assert!(guesses <= 120, "{}", guesses);
        }
    }
}
