//! The settings of this service, beside those that every binary has.

use std::{num::NonZeroU64, time::Duration};

use serde::Deserialize;
use zoetrope_bus::BusSettings;
use zoetrope_domain::{Credits, Model};
use zoetrope_http::HttpSettings;
use zoetrope_outbox::OutboxSettings;
use zoetrope_postgres::PostgresSettings;
use zoetrope_storage::{MediaLinkSettings, StorageSettings};
use zoetrope_tokens::{RedisSettings, VerifierSettings};

use crate::models;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub postgres: PostgresSettings,
    pub rabbitmq: BusSettings,
    pub redis: RedisSettings,
    pub tokens: VerifierSettings,
    pub storage: StorageSettings,
    pub media: MediaLinkSettings,
    #[serde(default)]
    pub outbox: OutboxSettings,
    #[serde(default)]
    pub credits: CreditSettings,
    #[serde(default)]
    pub audit: AuditSettings,
    /// Every model on offer; named, this list replaces the default one.
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
