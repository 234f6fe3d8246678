use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// The part by which a pause varies, so that messages which failed together do not come back together.
const JITTER: f64 = 0.2;
/// No receiver makes us wait longer than this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest pause that can be configured.
const LONGEST_SECONDS: f64 = 7.0 * 86_400.0;

/// When a message is tried again: the pauses after the first attempt, the second, and so on. After the last it is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Default for Schedule {
    /// Ten attempts over three days.
    fn default() -> Self {
        let (minutes, hours) = (60, 60 * 60);
        let pauses = [5, minutes, 5 * minutes, 30 * minutes, 2 * hours, 5 * hours, 10 * hours, 20 * hours, 34 * hours];
        Self(pauses.map(Duration::from_secs).to_vec())
    }
}

impl Schedule {
    /// The pause after this many attempts; `None`: no more of them. `asked` is the time that the receiver wants to have. `random` is a random
    /// number from 0 to 1.
    pub fn pause(&self, attempts: u32, asked: Option<Duration>, random: f64) -> Option<Duration> {
        let index = usize::try_from(attempts.checked_sub(1)?).ok()?;
        let varied = self.0.get(index)?.mul_f64(1.0 + JITTER * (2.0 * random.clamp(0.0, 1.0) - 1.0));
        Some(varied.max(asked.unwrap_or_default().min(MAX_RETRY_AFTER)))
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = Vec::<f64>::deserialize(deserializer)?;
        if seconds.iter().any(|seconds| !(*seconds > 0.0 && *seconds <= LONGEST_SECONDS)) {
            return Err(de::Error::custom("must be numbers of seconds above 0 and up to 604800"));
        }
        Ok(Self(seconds.into_iter().map(Duration::from_secs_f64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    /// When each attempt is made, by a clock that begins at 0, if all of them fail at once.
    fn attempts(schedule: &Schedule, random: f64) -> Vec<Duration> {
        let mut clock = Duration::ZERO;
        let mut made = vec![clock];
        while let Some(pause) = schedule.pause(u32::try_from(made.len()).unwrap(), None, random) {
            clock += pause;
            made.push(clock);
        }
        made
    }

    #[test]
    fn ten_attempts_over_three_days() {
        let made = attempts(&Schedule::default(), 0.5);
        let seconds: Vec<u64> = made.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [0, 5, 65, 365, 2165, 9365, 27_365, 63_365, 135_365, 257_765]);
        assert!(made[9] > 71 * HOUR && made[9] < 73 * HOUR);
    }

    #[test]
    fn a_fifth_more_or_less() {
        let (early, late) = (attempts(&Schedule::default(), 0.0), attempts(&Schedule::default(), 1.0));
        assert_eq!((early.len(), late.len()), (10, 10));
        assert_eq!((early[1], late[1]), (Duration::from_secs(4), Duration::from_secs(6)));
        assert!(early[9] > 57 * HOUR && late[9] < 86 * HOUR, "{early:?} {late:?}");
    }

    #[test]
    fn a_receiver_may_ask_for_more_time_within_bounds() {
        let schedule = Schedule::default();
        let pause = |attempts, asked| schedule.pause(attempts, Some(Duration::from_secs(asked)), 0.5).unwrap();
        assert_eq!(pause(1, 90), Duration::from_secs(90));
        assert_eq!(pause(2, 0), Duration::from_secs(60));
        assert_eq!(pause(1, u64::MAX), 24 * HOUR);
        assert_eq!(pause(9, 60), 34 * HOUR);
        assert_eq!(schedule.pause(10, Some(HOUR), 0.5), None);
    }

    #[test]
    fn pauses_can_be_set() {
        let set: Schedule = serde_json::from_value(serde_json::json!([0.5, 2])).unwrap();
        assert_eq!(attempts(&set, 0.5).len(), 3);
        assert_eq!(attempts(&serde_json::from_value(serde_json::json!([])).unwrap(), 0.5).len(), 1);
        for bad in [serde_json::json!([0]), serde_json::json!([-1]), serde_json::json!([1e9]), serde_json::json!(5)] {
            assert!(serde_json::from_value::<Schedule>(bad).is_err());
        }
    }
}
