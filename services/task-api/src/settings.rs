//! The settings of this service, beside those that every binary has.

use std::{
    num::{NonZeroU16, NonZeroU32, NonZeroU64},
    time::Duration,
};

use serde::{Deserialize, Deserializer, de};
use zoetrope_bus::BusSettings;
use zoetrope_domain::{Credits, Model};
use zoetrope_egress::Destinations;
use zoetrope_http::HttpSettings;
use zoetrope_limits::LimitSettings;
use zoetrope_outbox::OutboxSettings;
use zoetrope_postgres::PostgresSettings;
use zoetrope_redis::RedisSettings;
use zoetrope_service::SettingsError;
use zoetrope_storage::{MediaLinkSettings, StorageSettings};
use zoetrope_tokens::VerifierSettings;

use crate::models;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub postgres: PostgresSettings,
    pub rabbitmq: BusSettings,
    pub redis: RedisSettings,
    pub tokens: VerifierSettings,
    #[serde(default)]
    pub limits: LimitSettings,
    pub storage: StorageSettings,
    pub media: MediaLinkSettings,
    #[serde(default)]
    pub outbox: OutboxSettings,
    #[serde(default)]
    pub credits: CreditSettings,
    #[serde(default)]
    pub audit: AuditSettings,
    #[serde(default)]
    pub streams: StreamSettings,
    #[serde(default)]
    pub uploads: UploadSettings,
    /// Which addresses a task may bring (`[webhooks]`): the same as in `notifier`, which calls them.
    #[serde(default)]
    pub webhooks: Destinations,
    /// Every model on offer; the first is for clients that name none. Named, this list replaces the default one.
    #[serde(default = "models::defaults")]
    pub models: Vec<Model>,
}

/// What `migrate` and `audit` need. They take no notice of the rest, so that all commands can read one file.
#[derive(Debug, Clone, Deserialize)]
pub struct DatabaseSettings {
    pub postgres: PostgresSettings,
}

/// `[credits]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CreditSettings {
    /// What a new account starts with. Default 100.
    pub signup_grant: Credits,
}

impl Default for CreditSettings {
    fn default() -> Self {
        Self { signup_grant: models::PRICE }
    }
}

/// `[audit]`: the audit that `serve` makes in the background. The command `audit` has its own options.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSettings {
    /// Seconds from the end of one audit to the beginning of the next, by whichever replica. Default 600; 0 for none at all.
    pub interval_seconds: u64,
    /// Milliseconds of rest after each page of a thousand rows, so that an audit costs little. Default 100.
    pub pause_milliseconds: u64,
    /// Seconds after which a task that has not ended counts as stuck. Default 93600, 26 hours.
    pub stuck_after_seconds: NonZeroU64,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            interval_seconds: 600,
            pause_milliseconds: 100,
            stuck_after_seconds: const { NonZeroU64::new(26 * 60 * 60).unwrap() },
        }
    }
}

impl AuditSettings {
    pub fn is_on(&self) -> bool {
        self.interval_seconds > 0
    }

    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.interval_seconds)
    }

    pub fn pause(&self) -> Duration {
        Duration::from_millis(self.pause_milliseconds)
    }

    pub fn stuck_after(&self) -> Duration {
        Duration::from_secs(self.stuck_after_seconds.get())
    }
}

/// `[streams]`: responses that stay open while a task runs. Times are in seconds and may have fractions.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamSettings {
    /// Of silence, until a comment keeps a stream alive, and tells whether the client is there: the second one after it hung up fails.
    /// Must be less than proxies bear; the gateway bears 300. Default 15.
    #[serde(rename = "keep_alive_seconds", deserialize_with = "seconds")]
    pub keep_alive: Duration,
    /// Between two looks at a task of which nothing was heard. Default 5.
    #[serde(rename = "reread_seconds", deserialize_with = "seconds")]
    pub reread: Duration,
    /// For one event to be taken by the client, before it counts as hopelessly slow. Default 20.
    #[serde(rename = "write_timeout_seconds", deserialize_with = "seconds")]
    pub write_timeout: Duration,
    /// After a stream was cut: within this time the same request finds its task, instead of making and paying another. Must be longer than
    /// `reread_seconds`. Default 30.
    #[serde(rename = "repeat_window_seconds", deserialize_with = "seconds")]
    pub repeat_window: Duration,
    /// Streams that one user may have open at one replica. Default 10.
    pub max_per_user: NonZeroU16,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(15),
            reread: Duration::from_secs(5),
            write_timeout: Duration::from_secs(20),
            repeat_window: Duration::from_secs(30),
            max_per_user: const { NonZeroU16::new(10).unwrap() },
        }
    }
}

impl StreamSettings {
    /// A request must not be forgotten while its task is followed.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.repeat_window > self.reread {
            return Ok(());
        }
        Err(SettingsError::invalid("streams.repeat_window_seconds", "must be more than streams.reread_seconds"))
    }
}

/// `[uploads]`: pictures that users send. What is unfinished is counted for each user, by each replica.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UploadSettings {
    /// The greatest length of a picture, in MiB. Default 256.
    pub max_image_mib: NonZeroU32,
    /// The greatest size of a picture, in millions of pixels. Default 250.
    pub max_megapixels: NonZeroU32,
    /// Unfinished uploads of one user. Default 4.
    pub max_per_user: NonZeroU16,
    /// What those may have brought together, in MiB. Default 512.
    pub max_unfinished_mib_per_user: NonZeroU32,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self {
            max_image_mib: const { NonZeroU32::new(256).unwrap() },
            max_megapixels: const { NonZeroU32::new(250).unwrap() },
            max_per_user: const { NonZeroU16::new(4).unwrap() },
            max_unfinished_mib_per_user: const { NonZeroU32::new(512).unwrap() },
        }
    }
}

impl UploadSettings {
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.max_unfinished_mib_per_user >= self.max_image_mib {
            return Ok(());
        }
        Err(SettingsError::invalid("uploads.max_unfinished_mib_per_user", "must not be less than uploads.max_image_mib"))
    }

    pub fn max_image_bytes(&self) -> u64 {
        mib(self.max_image_mib)
    }

    pub fn max_unfinished_bytes(&self) -> u64 {
        mib(self.max_unfinished_mib_per_user)
    }

    pub fn max_pixels(&self) -> u64 {
        u64::from(self.max_megapixels.get()) * 1_000_000
    }
}

fn mib(number: NonZeroU32) -> u64 {
    u64::from(number.get()) * 1024 * 1024
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const LONGEST: f64 = 3_600.0;
    let seconds = f64::deserialize(deserializer)?;
    if seconds > 0.0 && seconds <= LONGEST {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(de::Error::custom("must be a number of seconds above 0 and up to 3600"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_user_may_upload_at_least_one_picture() {
        let read = |value| serde_json::from_value::<UploadSettings>(value).unwrap();
        assert!(UploadSettings::default().check().is_ok());
        assert!(read(json!({ "max_image_mib": 2, "max_unfinished_mib_per_user": 1 })).check().is_err());
    }

    #[test]
    fn times_of_streams_may_have_fractions_and_are_never_none() {
        let read = |value| serde_json::from_value::<StreamSettings>(json!({ "reread_seconds": value }));
        assert_eq!(read(json!(0.25)).unwrap().reread, Duration::from_millis(250));
        for useless in [json!(0), json!(-1), json!(1e9), json!("soon")] {
            assert!(read(useless).is_err());
        }
    }
}
