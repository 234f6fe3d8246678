use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How far back calls count.
const LENGTH: Duration = Duration::from_secs(10);
const SLOTS: u64 = 10;
/// Jobs that must have failed, so that a sick one does not pass for a sick provider.
const WITNESSES: usize = 3;

/// How the calls of the last seconds ended.
#[derive(Debug)]
pub(super) struct Window {
    start: Instant,
    /// Calls and failures by the number of their slot.
    slots: VecDeque<(u64, usize, usize)>,
    /// What the newest failures were about, the newest last.
    witnesses: VecDeque<(Option<u64>, Instant)>,
}

impl Window {
    pub(super) fn new(start: Instant) -> Self {
        Self { start, slots: VecDeque::new(), witnesses: VecDeque::new() }
    }

    /// Counts a call. For a failure, `about` tells what it was about; a failure about nothing in particular is one of its own kind.
    pub(super) fn count(&mut self, now: Instant, failure: Option<Option<u64>>) {
        self.forget(now);
        let slot = self.slot(now);
        if self.slots.back().is_none_or(|(last, ..)| *last < slot) {
            self.slots.push_back((slot, 0, 0));
        }
        if let Some((_, calls, failures)) = self.slots.back_mut() {
            *calls += 1;
            *failures += usize::from(failure.is_some());
        }
        if let Some(about) = failure {
            if about.is_some() {
                self.witnesses.retain(|(known, _)| *known != about);
            }
            if self.witnesses.len() == WITNESSES {
                self.witnesses.pop_front();
            }
            self.witnesses.push_back((about, now));
        }
    }

    /// Whether enough calls failed, of enough, and enough jobs among them.
    pub(super) fn is_sick(&mut self, now: Instant, min_calls: usize, ratio: f64) -> bool {
        self.forget(now);
        let (calls, failures) = self.slots.iter().fold((0, 0), |(calls, failures), slot| (calls + slot.1, failures + slot.2));
        // Exact for every number of calls there can be.
        #[expect(clippy::cast_precision_loss)]
        let failing = failures > 0 && failures as f64 >= ratio * calls as f64;
        failing && calls >= min_calls && self.witnesses.len() >= WITNESSES.min(min_calls)
    }

    fn slot(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.start).as_secs() * SLOTS / LENGTH.as_secs()
    }

    fn forget(&mut self, now: Instant) {
        let slot = self.slot(now);
        while self.slots.front().is_some_and(|(first, ..)| first + SLOTS <= slot) {
            self.slots.pop_front();
        }
        while self.witnesses.front().is_some_and(|(_, at)| now.saturating_duration_since(*at) > LENGTH) {
            self.witnesses.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn window() -> (Window, Instant) {
        let now = Instant::now();
        (Window::new(now), now)
    }

    #[test]
    fn it_takes_enough_calls_and_enough_failures() {
        let (mut window, now) = window();
        for number in 0..9 {
            window.count(now, Some(Some(number)));
            assert!(!window.is_sick(now, 10, 0.5));
        }
        window.count(now, None);
        assert!(window.is_sick(now, 10, 0.5));
        for _ in 0..9 {
            window.count(now, None);
        }
        assert!(!window.is_sick(now, 10, 0.5), "9 of 19");
    }

    #[test]
    fn what_is_long_past_does_not_count() {
        let (mut window, now) = window();
        for second in 0..20 {
            window.count(now + second * SECOND, Some(Some(u64::from(second))));
            assert_eq!(window.is_sick(now + second * SECOND, 10, 0.5), second >= 9, "after {second} s");
        }
        assert!(window.is_sick(now + 19 * SECOND, 10, 0.5));
        assert!(!window.is_sick(now + 21 * SECOND, 10, 0.5));
        assert!(!window.is_sick(now + 600 * SECOND, 1, 0.5));
    }

    #[test]
    fn one_sick_job_does_not_pass_for_a_sick_provider() {
        let (mut window, now) = window();
        for _ in 0..1000 {
            window.count(now, Some(Some(7)));
        }
        window.count(now, Some(Some(8)));
        assert!(!window.is_sick(now, 10, 0.5));
        window.count(now, Some(Some(9)));
        assert!(window.is_sick(now, 10, 0.5));
    }

    #[test]
    fn failures_of_the_connection_speak_for_themselves() {
        let (mut window, now) = window();
        for _ in 0..10 {
            window.count(now, Some(None));
        }
        assert!(window.is_sick(now, 10, 0.5));
    }

    #[test]
    fn only_successes_are_never_sick() {
        let (mut window, now) = window();
        window.count(now, None);
        assert!(!window.is_sick(now, 1, 0.0));
    }
}
