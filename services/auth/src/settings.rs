use std::{
    num::{NonZeroU32, NonZeroUsize},
    thread,
};

use chrono::TimeDelta;
use secrecy::SecretString;
use serde::Deserialize;
use zoetrope_bus::BusSettings;
use zoetrope_http::HttpSettings;
use zoetrope_limits::LimitSettings;
use zoetrope_outbox::OutboxSettings;
use zoetrope_postgres::PostgresSettings;
use zoetrope_redis::RedisSettings;
use zoetrope_tokens::VerifierSettings;

/// All settings of `auth serve`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub http: HttpSettings,
    pub postgres: PostgresSettings,
    pub rabbitmq: BusSettings,
    pub redis: RedisSettings,
    /// The public keys, as all services have them; also served as the JWK set.
    pub tokens: VerifierSettings,
    #[serde(default)]
    pub limits: LimitSettings,
    pub keys: KeySettings,
    #[serde(default)]
    pub sessions: SessionSettings,
    #[serde(default)]
    pub passwords: PasswordSettings,
    #[serde(default)]
    pub outbox: OutboxSettings,
}

/// The settings of `auth migrate`, which needs no keys.
#[derive(Debug, Clone, Deserialize)]
pub struct MigrateSettings {
    pub postgres: PostgresSettings,
}

/// The settings of `auth create-admin`.
#[derive(Debug, Clone, Deserialize)]
pub struct CreateAdminSettings {
    pub postgres: PostgresSettings,
    #[serde(default)]
    pub passwords: PasswordSettings,
}

/// The settings of `auth suspend` and `auth reinstate`.
#[derive(Debug, Clone, Deserialize)]
pub struct SuspensionSettings {
    pub postgres: PostgresSettings,
    pub redis: RedisSettings,
    pub tokens: VerifierSettings,
}

/// The private side of signing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// An Ed25519 key as PEM (PKCS#8); normally given by its path, `signing_key_file`.
    pub signing_key: SecretString,
}

/// How long a sign-in lasts.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionSettings {
    pub access_token_seconds: NonZeroU32,
    pub session_token_seconds: NonZeroU32,
    pub refresh_token_seconds: NonZeroU32,
    /// How long a used refresh token may be presented again: clients refresh in parallel, and answers get lost.
    pub reuse_grace_seconds: u32,
    /// Whether the refresh cookie travels over TLS only. To be turned off only where the gateway speaks plain HTTP.
    pub cookie_secure: bool,
}

/// Seconds.
const QUARTER_HOUR: NonZeroU32 = NonZeroU32::MIN.saturating_add(15 * 60 - 1);
/// Seconds.
const WEEK: NonZeroU32 = NonZeroU32::MIN.saturating_add(7 * 24 * 60 * 60 - 1);

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            access_token_seconds: QUARTER_HOUR,
            session_token_seconds: WEEK,
            refresh_token_seconds: WEEK,
            reuse_grace_seconds: 10,
            cookie_secure: true,
        }
    }
}

impl SessionSettings {
    pub fn access_token(&self) -> TimeDelta {
        TimeDelta::seconds(self.access_token_seconds.get().into())
    }

    pub fn session_token(&self) -> TimeDelta {
        TimeDelta::seconds(self.session_token_seconds.get().into())
    }

    pub fn refresh_token(&self) -> TimeDelta {
        TimeDelta::seconds(self.refresh_token_seconds.get().into())
    }

    pub fn reuse_grace(&self) -> TimeDelta {
        TimeDelta::seconds(self.reuse_grace_seconds.into())
    }

    /// How long any token that is issued now can live.
    pub fn longest(&self) -> TimeDelta {
        self.access_token().max(self.session_token()).max(self.refresh_token())
    }
}

/// What a password hash (Argon2id) costs. Known hashes keep the cost they were made with.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordSettings {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
    /// How many hashes are computed at a time; each takes a processor and `memory_kib`.
    pub max_concurrent: NonZeroUsize,
    /// How long a request waits for its turn before it is told to come back.
    pub max_wait_seconds: u32,
}

impl Default for PasswordSettings {
    fn default() -> Self {
        Self {
            memory_kib: 19 * 1024,
            iterations: 2,
            parallelism: 1,
            max_concurrent: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_wait_seconds: 10,
        }
    }
}
