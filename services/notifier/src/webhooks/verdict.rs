use std::time::Duration;

use super::{DisableReason, Schedule};

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// An answer that is no success. Some say when to come again.
    Rejected {
        retry_after: Option<Duration>,
    },
    /// 410: there is nobody any more, and never will be.
    Gone,
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
    /// Not a public address.
    Forbidden,
    /// The message could not be made.
    Unreadable,
}

impl Outcome {
    /// The label in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Rejected { .. } => "rejected",
            Self::Gone => "gone",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Forbidden => "forbidden",
            Self::Unreadable => "unreadable",
        }
    }

    /// What becomes of the message after this many attempts.
    pub fn next(self, attempts: u32, schedule: &Schedule, random: f64) -> Next {
        let asked = match self {
            Self::Delivered => return Next::Delivered,
            Self::Gone | Self::Unreadable => return Next::GivenUp,
            Self::Rejected { retry_after } => retry_after,
            Self::TimedOut | Self::Unreachable | Self::Forbidden => None,
        };
        schedule.pause(attempts, asked, random).map_or(Next::GivenUp, Next::Again)
    }

    /// Whether an endpoint is disabled for it that has failed all the time for so long.
    pub fn disables(self, failing_for: Duration, patience: Duration) -> Option<DisableReason> {
        match self {
            Self::Gone => Some(DisableReason::Gone),
            // Our own fault.
            Self::Delivered | Self::Unreadable => None,
            Self::Rejected { .. } | Self::TimedOut | Self::Unreachable | Self::Forbidden => {
                (failing_for >= patience).then_some(DisableReason::Failing)
            }
        }
    }
}

/// What becomes of a message after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Delivered,
    /// It is tried again after this time.
    Again(Duration),
    GivenUp,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const FAILURES: [Outcome; 4] =
        [Outcome::Rejected { retry_after: None }, Outcome::TimedOut, Outcome::Unreachable, Outcome::Forbidden];

    #[test]
    fn a_failure_is_tried_again_until_the_schedule_ends() {
        for failure in FAILURES {
            assert_eq!(failure.next(1, &Schedule::default(), 0.5), Next::Again(Duration::from_secs(5)));
            assert_eq!(failure.next(10, &Schedule::default(), 0.5), Next::GivenUp);
        }
        let patient = Outcome::Rejected { retry_after: Some(DAY / 2) };
        assert_eq!(patient.next(1, &Schedule::default(), 0.5), Next::Again(DAY / 2));
    }

    #[test]
    fn the_end_is_the_end() {
        assert_eq!(Outcome::Delivered.next(1, &Schedule::default(), 0.5), Next::Delivered);
        assert_eq!(Outcome::Gone.next(1, &Schedule::default(), 0.5), Next::GivenUp);
        assert_eq!(Outcome::Unreadable.next(1, &Schedule::default(), 0.5), Next::GivenUp);
    }

    #[test]
    fn an_endpoint_is_disabled_when_it_is_gone_or_has_failed_for_days() {
        assert_eq!(Outcome::Gone.disables(Duration::ZERO, 5 * DAY), Some(DisableReason::Gone));
        for failure in FAILURES {
            assert_eq!(failure.disables(4 * DAY, 5 * DAY), None);
            assert_eq!(failure.disables(5 * DAY, 5 * DAY), Some(DisableReason::Failing));
        }
        assert_eq!(Outcome::Delivered.disables(9 * DAY, 5 * DAY), None);
        assert_eq!(Outcome::Unreadable.disables(9 * DAY, 5 * DAY), None);
    }
}
