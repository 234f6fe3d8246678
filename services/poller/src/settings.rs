use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, de};
use zoetrope_bus::BusSettings;
use zoetrope_domain::TaskKind;
use zoetrope_outbox::OutboxSettings;
use zoetrope_postgres::PostgresSettings;
use zoetrope_redis::RedisSettings;
use zoetrope_storage::StorageSettings;

use crate::{
    job::{Policy, Rhythm},
    provider::ProviderSettings,
};

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) postgres: PostgresSettings,
    pub(crate) rabbitmq: BusSettings,
    pub(crate) redis: RedisSettings,
    pub(crate) storage: StorageSettings,
    #[serde(default)]
    pub(crate) outbox: OutboxSettings,
    /// By name, as the models in task-api's catalogue know them.
    pub(crate) providers: BTreeMap<String, ProviderSettings>,
    #[serde(default)]
    pub(crate) polling: PollingSettings,
}

/// What the commands need that only touch the database.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PostgresOnly {
    pub(crate) postgres: PostgresSettings,
}

/// How jobs are followed (`[polling]`). Times are in seconds and may have fractions.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PollingSettings {
    /// Shortest time between two polls of a job; not above the longest, whatever it is set to.
    #[serde(rename = "min_interval_seconds", deserialize_with = "positive_seconds")]
    min_interval: Duration,
    /// Longest time between two polls of a job that goes well.
    #[serde(rename = "max_interval_seconds", deserialize_with = "positive_seconds")]
    max_interval: Duration,
    /// The part of the interval by which it varies, 0 to 1.
    #[serde(deserialize_with = "fraction")]
    jitter: f64,
    /// Polls after which a job fails.
    max_polls: u32,
    /// Age at which a job fails, unless its kind has its own.
    #[serde(rename = "max_age_seconds", deserialize_with = "positive_seconds")]
    max_age: Duration,
    /// Ages at which jobs of a kind fail, such as `text_to_video`.
    #[serde(rename = "max_age_seconds_by_kind", deserialize_with = "positive_seconds_by_kind")]
    pub(crate) max_ages: BTreeMap<String, Duration>,
    /// First wait after something failed; doubles with every further failure.
    #[serde(rename = "backoff_seconds", deserialize_with = "positive_seconds")]
    backoff: Duration,
    /// Longest wait after something failed again and again.
    #[serde(rename = "max_backoff_seconds", deserialize_with = "positive_seconds")]
    max_backoff: Duration,
    /// How long a job waits for a provider that cannot be reached, or takes nothing, before it fails.
    #[serde(rename = "submission_deadline_seconds", deserialize_with = "seconds")]
    submission_deadline: Duration,
    /// How long a submission that may have arrived may turn up before its job fails.
    #[serde(rename = "unconfirmed_window_seconds", deserialize_with = "seconds")]
    unconfirmed_window: Duration,
    /// How long the result of a finished job is tried to be had before the job fails.
    #[serde(rename = "archive_deadline_seconds", deserialize_with = "seconds")]
    archive_deadline: Duration,
    /// How long a provider may leave a cancellation unanswered before the job counts as cancelled all the same.
    #[serde(rename = "cancel_window_seconds", deserialize_with = "seconds")]
    cancel_window: Duration,
    /// How long a process that died keeps its jobs from the others. Work under way renews its lease.
    #[serde(rename = "lease_seconds", deserialize_with = "positive_seconds")]
    pub(crate) lease: Duration,
    /// Looks for due jobs that nothing announced, such as those of a process that died.
    #[serde(rename = "sweep_seconds", deserialize_with = "positive_seconds")]
    pub(crate) sweep: Duration,
    /// Polls of one provider under way at the same time, in each process.
    pub(crate) concurrency: usize,
    /// Downloads from one provider under way at the same time, in each process.
    pub(crate) archive_concurrency: usize,
    /// Time that work in hand has to finish when the process stops; then it is handed back.
    #[serde(rename = "drain_seconds", deserialize_with = "seconds")]
    pub(crate) drain: Duration,
    /// Days after which a job that has ended is forgotten, and an order that was not heard of is refused. At least 1.
    #[serde(deserialize_with = "days")]
    pub(crate) keep_days: u16,
}

impl Default for PollingSettings {
    fn default() -> Self {
        Self {
            min_interval: Duration::from_secs(2),
            max_interval: Duration::from_secs(30),
            jitter: 0.1,
            max_polls: 999,
            max_age: Duration::from_secs(24 * 60 * 60),
            max_ages: BTreeMap::new(),
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(300),
            submission_deadline: Duration::from_secs(3600),
            unconfirmed_window: Duration::from_secs(600),
            archive_deadline: Duration::from_secs(3600),
            cancel_window: Duration::from_secs(60),
            lease: Duration::from_secs(30),
            sweep: Duration::from_secs(5),
            concurrency: 256,
            archive_concurrency: 8,
            drain: Duration::from_secs(20),
            keep_days: 30,
        }
    }
}

impl PollingSettings {
    /// `lookup`: whether the provider can be asked for jobs by our idempotency key.
    pub(crate) fn policy(&self, lookup: bool) -> Policy {
        Policy {
            rhythm: Rhythm {
                min_interval: self.min_interval.min(self.max_interval),
                max_interval: self.max_interval,
                typical: None,
            },
            jitter: self.jitter,
            backoff: self.backoff,
            max_backoff: self.max_backoff,
            max_polls: self.max_polls,
            max_age: self.max_age,
            submission_deadline: self.submission_deadline,
            unconfirmed_window: self.unconfirmed_window,
            lookup,
            archive_deadline: self.archive_deadline,
            cancel_window: self.cancel_window,
        }
    }
}

/// The longest time that can be set: ten years.
const MAX_SECONDS: f64 = 315_360_000.0;
/// The shortest time where none would mean a hot loop.
const MIN_SECONDS: f64 = 0.001;

/// Seconds, with fractions, from 0.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    if (0.0..=MAX_SECONDS).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(de::Error::custom(format_args!("not a number of seconds from 0 to {MAX_SECONDS}")))
    }
}

/// Seconds, with fractions, above 0.
pub(crate) fn positive_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let time = seconds(deserializer)?;
    if time.as_secs_f64() >= MIN_SECONDS {
        Ok(time)
    } else {
        Err(de::Error::custom(format_args!("not a number of seconds from {MIN_SECONDS} to {MAX_SECONDS}")))
    }
}

fn positive_seconds_by_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Duration>, D::Error> {
    #[derive(Deserialize)]
    struct Seconds(#[serde(deserialize_with = "positive_seconds")] Duration);

    let by_kind = BTreeMap::<String, Seconds>::deserialize(deserializer)?;
    for kind in by_kind.keys() {
        kind.parse::<TaskKind>().map_err(de::Error::custom)?;
    }
    Ok(by_kind.into_iter().map(|(kind, Seconds(seconds))| (kind, seconds)).collect())
}

fn days<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    match u16::deserialize(deserializer)? {
        0 => Err(de::Error::custom("not a number of days from 1")),
        days => Ok(days),
    }
}

fn fraction<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let fraction = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&fraction) { Ok(fraction) } else { Err(de::Error::custom("not a number from 0 to 1")) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn polling(value: Value) -> Result<PollingSettings, serde_json::Error> {
        serde_json::from_value(value)
    }

    #[test]
    fn the_defaults_are_what_the_readme_says() {
        let policy = polling(json!({})).unwrap().policy(false);
        let rhythm = policy.rhythm;
        assert_eq!((rhythm.min_interval.as_secs(), rhythm.max_interval.as_secs()), (2, 30));
        assert_eq!((policy.max_polls, policy.max_age.as_secs(), policy.unconfirmed_window.as_secs()), (999, 86_400, 600));
    }

    #[test]
    fn times_may_have_fractions() {
        let settings = polling(json!({ "max_interval_seconds": 0.2, "drain_seconds": 0 })).unwrap();
        assert_eq!((settings.max_interval, settings.drain), (Duration::from_millis(200), Duration::ZERO));
        assert_eq!(settings.policy(false).rhythm.min_interval, Duration::from_millis(200));
    }

    #[test]
    fn times_that_would_never_end_or_never_rest_are_refused() {
        for value in [
            json!({ "min_interval_seconds": 0 }),
            json!({ "keep_days": 0 }),
            json!({ "max_age_seconds_by_kind": { "text_to_soup": 5 } }),
            json!({ "lease_seconds": -1 }),
            json!({ "sweep_seconds": 1e300 }),
            json!({ "drain_seconds": "soon" }),
            json!({ "jitter": 1.5 }),
            json!({ "max_poll": 9 }),
        ] {
            assert!(polling(value.clone()).is_err(), "{value}");
        }
    }
}
