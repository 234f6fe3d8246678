use std::time::Duration;

use zoetrope_domain::backoff;

use super::Rhythm;

/// No provider makes us wait longer than this between two tries.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The limits and rhythms of a job: those of its provider, its model and its kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Policy {
    pub(crate) rhythm: Rhythm,
    /// The part of the interval by which it varies, 0 to 1.
    pub(crate) jitter: f64,
    /// First wait after something failed.
    pub(crate) backoff: Duration,
    /// Longest wait after something failed again and again.
    pub(crate) max_backoff: Duration,
    /// Polls after which a job is given up.
    pub(crate) max_polls: u32,
    /// Age at which a job is given up, unless the provider has finished by then.
    pub(crate) max_age: Duration,
    /// How long submissions that do not reach the provider are tried again.
    pub(crate) submission_deadline: Duration,
    /// How long an unconfirmed submission may turn up.
    pub(crate) unconfirmed_window: Duration,
    /// The provider can be asked for jobs by our idempotency key.
    pub(crate) lookup: bool,
    /// How long the result of a finished job is tried to be had.
    pub(crate) archive_deadline: Duration,
    /// How long a provider may leave a cancellation unanswered.
    pub(crate) cancel_window: Duration,
}

impl Policy {
    /// Time until the next poll. `random` is a random number from 0 to 1.
    pub(crate) fn next_poll(&self, ages: Ages, random: f64) -> Duration {
        let spread = (2.0 * random.clamp(0.0, 1.0) - 1.0) * self.jitter.clamp(0.0, 1.0);
        self.before_the_end(ages, self.rhythm.wait(ages.state).mul_f64(1.0 + spread))
    }

    /// Time until the next try after `failures` failed ones in a row.
    pub(crate) fn retry(&self, failures: u32, retry_after: Option<Duration>, random: f64) -> Duration {
        let wait = backoff::exponential(failures.saturating_sub(1), self.backoff, self.max_backoff, random);
        at_least(wait, retry_after)
    }

    /// Like [`retry`](Self::retry), but a job is never polled more often because polling it fails.
    pub(crate) fn retry_poll(&self, failures: u32, retry_after: Option<Duration>, ages: Ages, random: f64) -> Duration {
        let first = self.rhythm.min_interval;
        let longest = self.max_backoff.max(self.rhythm.max_interval);
        let wait = backoff::exponential(failures.saturating_sub(1), first, longest, random);
        self.before_the_end(ages, at_least(wait.max(self.next_poll(ages, random)), retry_after))
    }

    /// The last look is due when the job's time is over, and not later.
    fn before_the_end(&self, ages: Ages, wait: Duration) -> Duration {
        wait.min(self.max_age.saturating_sub(ages.job))
    }
}

fn at_least(wait: Duration, retry_after: Option<Duration>) -> Duration {
    retry_after.map_or(wait, |asked| wait.max(asked.min(MAX_RETRY_AFTER)))
}

/// How old a job is, as the database's clock tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ages {
    /// Since the job came.
    pub(crate) job: Duration,
    /// Since the intent to submit was recorded; zero before.
    pub(crate) intent: Duration,
    /// Since the job entered its present state.
    pub(crate) state: Duration,
}

#[cfg(test)]
pub(crate) const POLICY: Policy = Policy {
    rhythm: Rhythm { min_interval: Duration::from_secs(30), max_interval: Duration::from_secs(30), typical: None },
    jitter: 0.1,
    backoff: Duration::from_secs(1),
    max_backoff: Duration::from_secs(300),
    max_polls: 999,
    max_age: Duration::from_secs(86_400),
    submission_deadline: Duration::from_secs(3600),
    unconfirmed_window: Duration::from_secs(600),
    lookup: false,
    archive_deadline: Duration::from_secs(3600),
    cancel_window: Duration::from_secs(60),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_spread_around_the_interval() {
        let wait = |random| POLICY.next_poll(Ages::default(), random);
        assert_eq!(wait(0.0), Duration::from_secs(27));
        assert_eq!(wait(0.5), Duration::from_secs(30));
        assert_eq!(wait(1.0), Duration::from_secs(33));
    }

    #[test]
    fn the_last_poll_comes_when_the_time_is_over() {
        let ages = |left| Ages { job: POLICY.max_age - Duration::from_secs(left), ..Ages::default() };
        assert_eq!(POLICY.next_poll(ages(7), 0.5), Duration::from_secs(7));
        assert_eq!(POLICY.retry_poll(9, Some(Duration::from_secs(600)), ages(7), 0.5), Duration::from_secs(7));
        assert_eq!(POLICY.next_poll(Ages { job: POLICY.max_age * 2, ..Ages::default() }, 0.5), Duration::ZERO);
    }

    #[test]
    fn failures_wait_longer_and_longer() {
        let wait = |failures| POLICY.retry(failures, None, 0.0).as_secs();
        assert_eq!([wait(1), wait(2), wait(5), wait(50)], [1, 2, 16, 300]);
        let poll = |failures| POLICY.retry_poll(failures, None, Ages::default(), 0.0).as_secs();
        assert_eq!([poll(1), poll(2), poll(3), poll(50)], [30, 60, 120, 300]);
    }

    #[test]
    fn the_provider_may_ask_for_more_time_but_not_for_all_of_it() {
        let wait = |asked| POLICY.retry(1, Some(Duration::from_secs(asked)), 0.0).as_secs();
        assert_eq!([wait(0), wait(7), wait(1_000_000)], [1, 7, 3600]);
    }
}
