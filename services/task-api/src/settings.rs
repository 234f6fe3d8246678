//! The settings of this service, beside those that every binary has.

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
    /// Every model on offer; named, this list replaces the default one.
    #[serde(default = "models::defaults")]
    pub models: Vec<Model>,
}

/// What `migrate` needs. It takes no notice of the rest, so that both commands can read one file.
#[derive(Debug, Clone, Deserialize)]
pub struct MigrateSettings {
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
