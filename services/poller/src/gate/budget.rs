use std::time::{Duration, Instant};

/// Rounding must not cost a request.
const EPSILON: f64 = 1e-9;

/// Requests per second, and how many may come at once: one second's worth, and at least one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    pub(super) burst: f64,
}

impl Rate {
    pub(super) const fn new(per_second: f64) -> Self {
        Self { per_second, burst: per_second.max(1.0) }
    }

    /// The part of one of so many processes.
    fn share(self, processes: usize) -> Self {
        // Exact for every number of processes there can be.
        #[expect(clippy::cast_precision_loss)]
        let processes = processes.max(1) as f64;
        Self::new(self.per_second / processes)
    }
}

/// What one process may do on its own: the rule by which the script in Redis gives leave, at this process's share of the rate.
///
/// The rule is GCRA's, kept as a level of requests instead of a theoretical arrival time: a level is exact whatever the rate, and a clock
/// that is set back does not close the gate. In any stretch of time no more leave is given, net of what is given back, than the rate
/// allows for it and one burst.
#[derive(Debug)]
pub(super) struct Budget {
    whole: Rate,
    own: Rate,
    /// Requests that may be made at `at`. Below 0 while more was made than there was leave for.
    level: f64,
    at: Instant,
}

impl Budget {
    pub(super) const fn new(whole: Rate, now: Instant) -> Self {
        Self { whole, own: whole, level: whole.burst, at: now }
    }

    /// The rate of all processes together.
    pub(super) const fn whole(&self) -> Rate {
        self.whole
    }

    pub(super) fn share(&mut self, processes: usize) {
        self.own = self.whole.share(processes);
    }

    /// Gives leave for some of the wanted requests, at least one, or says how long to wait for the next.
    pub(super) fn take(&mut self, now: Instant, wanted: usize) -> Result<usize, Duration> {
        self.fill(now);
        let level = self.level + EPSILON;
        if level < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.level) / self.own.per_second));
        }
        // Casts saturate, and what is in the bucket is at most a second's worth.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let granted = wanted.min(level as usize);
        self.level -= requests(granted);
        Ok(granted)
    }

    pub(super) fn give_back(&mut self, now: Instant, unused: usize) {
        self.fill(now);
        self.level = (self.level + requests(unused)).min(self.own.burst);
    }

    /// Pays for requests that were made without leave.
    pub(super) fn spend(&mut self, now: Instant, made: usize) {
        self.fill(now);
        self.level -= requests(made);
    }

    /// Forgets what was saved up, because somebody else may have spent it.
    pub(super) fn empty(&mut self, now: Instant) {
        self.fill(now);
        self.level = self.level.min(0.0);
    }

    fn fill(&mut self, now: Instant) {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * self.own.per_second;
        self.level = (self.level + gained).min(self.own.burst);
        self.at = self.at.max(now);
    }
}

// Exact for every number of requests there can be.
#[expect(clippy::cast_precision_loss)]
const fn requests(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(per_second: f64) -> (Budget, Instant) {
        let now = Instant::now();
        (Budget::new(Rate::new(per_second), now), now)
    }

    #[test]
    fn a_burst_is_one_seconds_worth() {
        let (mut budget, now) = budget(3.0);
        assert_eq!(budget.take(now, 2), Ok(2));
        assert_eq!(budget.take(now, 10), Ok(1));
        assert!(matches!(budget.take(now, 1), Err(wait) if wait.as_millis() == 333));
        assert_eq!(budget.take(now + Duration::from_secs(60), 10), Ok(3));
    }

    #[test]
    fn a_slow_rate_lets_one_pass_at_a_time() {
        let (mut budget, now) = budget(0.1);
        assert_eq!(budget.take(now, 10), Ok(1));
        assert_eq!(budget.take(now, 1), Err(Duration::from_secs(10)));
        assert_eq!(budget.take(now + Duration::from_secs(10), 10), Ok(1));
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_no_more() {
        let (mut budget, now) = budget(10.0);
        assert_eq!(budget.take(now, 10), Ok(10));
        budget.give_back(now, 4);
        assert_eq!(budget.take(now, 10), Ok(4));
        budget.give_back(now + Duration::from_secs(60), 4);
        assert_eq!(budget.take(now + Duration::from_secs(60), 100), Ok(10));
    }

    #[test]
    fn requests_without_leave_are_paid_afterwards() {
        let (mut budget, now) = budget(10.0);
        budget.spend(now, 15);
        assert!(matches!(budget.take(now, 1), Err(wait) if wait.as_millis() == 600));
        assert_eq!(budget.take(now + Duration::from_millis(600), 10), Ok(1));
    }

    #[test]
    fn an_emptied_budget_fills_at_its_rate() {
        let (mut budget, now) = budget(10.0);
        budget.empty(now);
        assert!(budget.take(now, 1).is_err());
        assert_eq!(budget.take(now + Duration::from_millis(500), 10), Ok(5));
    }

    #[test]
    fn shares_together_are_no_more_than_the_whole() {
        let now = Instant::now();
        let mut budgets: Vec<Budget> = (0..4).map(|_| Budget::new(Rate::new(8.0), now)).collect();
        let mut granted = 0;
        for budget in &mut budgets {
            budget.share(4);
            budget.empty(now);
            granted += budget.take(now + Duration::from_secs(1), 100).unwrap();
        }
        assert_eq!(granted, 8);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Take(usize),
        GiveBack(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
        let step = prop_oneof![(1usize..200).prop_map(Step::Take), (0usize..100).prop_map(Step::GiveBack)];
        proptest::collection::vec((0u64..3_000_000, step), 1..60)
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_gets_more_than_its_rate_and_a_burst(per_second in 0.05..500.0, steps in steps()) {
            let (mut budget, mut now) = budget(per_second);
            let mut outstanding = 0;
            // Of every take so far: its time, and the leave given since then, net of what was given back.
            let mut since: Vec<(Instant, f64)> = Vec::new();
            for (micros, step) in steps {
                now += Duration::from_micros(micros);
                let change = match step {
                    Step::Take(wanted) => {
                        since.push((now, 0.0));
                        let granted = budget.take(now, wanted).unwrap_or(0);
                        prop_assert!(granted <= wanted);
                        outstanding += granted;
                        requests(granted)
                    }
                    Step::GiveBack(unused) => {
                        let unused = unused.min(outstanding);
                        outstanding -= unused;
                        budget.give_back(now, unused);
                        -requests(unused)
                    }
                };
                for (start, leave) in &mut since {
                    *leave += change;
                    let allowed = per_second.max(1.0) + per_second * (now - *start).as_secs_f64();
                    prop_assert!(*leave <= allowed + 1e-6, "{leave} of {allowed}");
                }
            }
        }

        #[test]
        fn who_waits_as_told_gets_leave(per_second in 0.05..500.0, taken in 1usize..1000, spent in 0usize..1000) {
            let (mut budget, now) = budget(per_second);
            let _ = budget.take(now, taken);
            budget.spend(now, spent);
            if let Err(wait) = budget.take(now, 1) {
                prop_assert!(budget.take(now + wait.mul_f64(0.9), 1).is_err() || wait.is_zero());
                prop_assert_eq!(budget.take(now + wait + Duration::from_nanos(10), 1), Ok(1));
            }
        }
    }
}
