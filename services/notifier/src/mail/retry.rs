use std::time::Duration;

use zoetrope_domain::backoff;

/// When a mail is tried again that was not taken this time.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// After the first try; doubles with each further one.
    pub(super) first: Duration,
    pub(super) longest: Duration,
    /// A mail of this age is given up.
    pub(super) give_up: Duration,
}

/// What becomes of a mail that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Try(Duration),
    /// It would be too late by then.
    Expire,
    GiveUp,
}

impl RetryPolicy {
    /// `tries` so far, this one included; `left` until the mail is too late, if it ever is; `jitter` is a random number from 0 to 1.
    pub(super) fn after(&self, tries: u32, age: Duration, left: Option<Duration>, jitter: f64) -> Next {
        let wait = backoff::exponential(tries.saturating_sub(1), self.first, self.longest, jitter);
        if left.is_some_and(|left| wait >= left) {
            Next::Expire
        } else if age + wait >= self.give_up {
            Next::GiveUp
        } else {
            Next::Try(wait)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        first: Duration::from_secs(30),
        longest: Duration::from_secs(3600),
        give_up: Duration::from_secs(3 * 86_400),
    };

    #[test]
    fn pauses_double_up_to_the_longest() {
        let wait = |tries| POLICY.after(tries, Duration::ZERO, None, 0.0);
        let seconds = |seconds| Next::Try(Duration::from_secs(seconds));
        assert_eq!([wait(1), wait(2), wait(3)], [seconds(30), seconds(60), seconds(120)]);
        assert_eq!([wait(8), wait(50)], [seconds(3600), seconds(3600)]);
        assert_eq!(POLICY.after(2, Duration::ZERO, None, 1.0), seconds(30));
    }

    #[test]
    fn what_would_come_too_late_is_not_tried_again() {
        let left = |seconds| POLICY.after(1, Duration::ZERO, Some(Duration::from_secs(seconds)), 0.0);
        assert_eq!(left(31), Next::Try(Duration::from_secs(30)));
        assert_eq!((left(30), left(0)), (Next::Expire, Next::Expire));
    }

    #[test]
    fn an_old_mail_is_given_up() {
        let age = |seconds| POLICY.after(100, Duration::from_secs(seconds), None, 0.0);
        assert_eq!(age(3 * 86_400 - 3601), Next::Try(Duration::from_secs(3600)));
        assert_eq!(age(3 * 86_400 - 3600), Next::GiveUp);
    }

    #[test]
    fn three_days_are_about_eighty_tries() {
        let (mut age, mut tries) = (Duration::ZERO, 1);
        while let Next::Try(wait) = POLICY.after(tries, age, None, 0.0) {
            age += wait;
            tries += 1;
        }
        assert_eq!(tries, 78);
    }
}
