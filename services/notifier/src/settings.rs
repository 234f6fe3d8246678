use std::{
    num::{NonZeroU16, NonZeroU32, NonZeroUsize},
    time::Duration,
};

use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, de};
use zoetrope_bus::BusSettings;
use zoetrope_http::HttpSettings;
use zoetrope_limits::LimitSettings;
use zoetrope_postgres::PostgresSettings;
use zoetrope_redis::RedisSettings;
use zoetrope_storage::MediaLinkSettings;
use zoetrope_tokens::VerifierSettings;

use crate::{
    budget::{BudgetLimits, Rate},
    connection::Limits,
    mail::MailSettings,
    webhooks::WebhookSettings,
};

/// All settings of `notifier serve`.
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
    pub media: MediaLinkSettings,
    pub mail: MailSettings,
    #[serde(default)]
    pub websocket: WebSocketSettings,
    #[serde(default)]
    pub feed: FeedSettings,
    #[serde(default)]
    pub webhooks: WebhookSettings,
}

/// What `notifier migrate` needs.
#[derive(Debug, Clone, Deserialize)]
pub struct MigrateSettings {
    pub postgres: PostgresSettings,
}

/// How connections are treated (`[websocket]`), and streams of events where it is about them as well: heartbeat, wait for a task, slow clients,
/// connections per user, reconnection. Times are in seconds and may have fractions.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocketSettings {
    /// Until the first `auth` frame must have come. Default 10.
    #[serde(rename = "auth_timeout_seconds", deserialize_with = "seconds")]
    auth_timeout: Duration,
    /// Between two heartbeats. Default 30.
    #[serde(rename = "heartbeat_seconds", deserialize_with = "seconds")]
    heartbeat: Duration,
    /// Without any sign of life, until a connection is closed. Default 90.
    #[serde(rename = "silence_timeout_seconds", deserialize_with = "seconds")]
    silence: Duration,
    /// After a token has expired, for a new one to come. Default 30.
    #[serde(rename = "renewal_seconds", deserialize_with = "seconds")]
    renewal: Duration,
    /// How long a subscription waits for its task to appear. Default 5.
    #[serde(rename = "subscribe_wait_seconds", deserialize_with = "seconds")]
    subscribe_wait: Duration,
    /// Between two sweeps for updates that the live queue lost. Default 10.
    #[serde(rename = "reconcile_seconds", deserialize_with = "seconds")]
    pub reconcile: Duration,
    /// How long one frame may take to be written before its client counts as hopelessly slow. Default 20.
    #[serde(rename = "write_timeout_seconds", deserialize_with = "seconds")]
    pub write_timeout: Duration,
    /// Tasks that one connection may follow. Default 1000.
    max_subscriptions: NonZeroUsize,
    /// Connections that one user may have with this process. Default 100.
    pub max_connections_per_user: NonZeroUsize,
    /// Longest frame, and longest message in parts, that a client may send. Default 65536.
    pub max_frame_bytes: NonZeroUsize,
    /// Units that a connection may use at once: about one for each answer. Default 2000.
    units_burst: NonZeroU32,
    /// Units that it gets back each second. Default 100.
    units_per_second: NonZeroU32,
    /// The same of all connections and streams of a user at this process together. Default 10000.
    user_units_burst: NonZeroU32,
    /// Default 500.
    user_units_per_second: NonZeroU32,
    /// The same of all connections from an address on which nobody has signed in. Default 2000.
    address_units_burst: NonZeroU32,
    /// Default 100.
    address_units_per_second: NonZeroU32,
    /// How long a connection may go on wanting more before it is closed. Default 30.
    #[serde(rename = "flood_seconds", deserialize_with = "seconds")]
    flood_patience: Duration,
    /// When the process ends, its clients are asked to come back at different times within this one. Default 5.
    #[serde(rename = "reconnect_within_seconds", deserialize_with = "seconds")]
    pub reconnect_within: Duration,
}

impl Default for WebSocketSettings {
    fn default() -> Self {
        Self {
            auth_timeout: Duration::from_secs(10),
            heartbeat: Duration::from_secs(30),
            silence: Duration::from_secs(90),
            renewal: Duration::from_secs(30),
            subscribe_wait: Duration::from_secs(5),
            reconcile: Duration::from_secs(10),
            write_timeout: Duration::from_secs(20),
            max_subscriptions: const { NonZeroUsize::new(1000).unwrap() },
            max_connections_per_user: const { NonZeroUsize::new(100).unwrap() },
            max_frame_bytes: const { NonZeroUsize::new(64 * 1024).unwrap() },
            units_burst: const { NonZeroU32::new(2000).unwrap() },
            units_per_second: const { NonZeroU32::new(100).unwrap() },
            user_units_burst: const { NonZeroU32::new(10_000).unwrap() },
            user_units_per_second: const { NonZeroU32::new(500).unwrap() },
            address_units_burst: const { NonZeroU32::new(2000).unwrap() },
            address_units_per_second: const { NonZeroU32::new(100).unwrap() },
            flood_patience: Duration::from_secs(30),
            reconnect_within: Duration::from_secs(5),
        }
    }
}

impl WebSocketSettings {
    pub fn limits(&self) -> Limits {
        Limits {
            sign_in: self.auth_timeout,
            heartbeat: self.heartbeat,
            silence: self.silence,
            renewal: self.renewal,
            subscribe_wait: self.subscribe_wait,
            subscriptions: self.max_subscriptions.get(),
        }
    }

    pub fn budgets(&self) -> BudgetLimits {
        BudgetLimits {
            connection: Rate::new(self.units_burst, self.units_per_second),
            user: Rate::new(self.user_units_burst, self.user_units_per_second),
            address: Rate::new(self.address_units_burst, self.address_units_per_second),
            patience: self.flood_patience,
        }
    }
}

/// How long states are kept (`[feed]`).
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeedSettings {
    /// Days after its end until a task is forgotten here: a client that then asks for it on the WebSocket hears `NOT_FOUND`, and finds
    /// it with a GET. Default 30.
    pub keep_days: NonZeroU16,
    /// Seconds between two sweeps for such tasks. Default 3600.
    #[serde(rename = "prune_seconds", deserialize_with = "seconds")]
    pub prune_every: Duration,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self { keep_days: const { NonZeroU16::new(30).unwrap() }, prune_every: Duration::from_secs(60 * 60) }
    }
}

impl FeedSettings {
    pub fn kept(&self) -> TimeDelta {
        TimeDelta::days(self.keep_days.get().into())
    }
}

/// For `deserialize_with`: seconds above 0, which may have a fraction.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const LONGEST: f64 = 86_400.0;
    let seconds = f64::deserialize(deserializer)?;
    if seconds > 0.0 && seconds <= LONGEST {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(de::Error::custom("must be a number of seconds above 0 and up to 86400"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(value: serde_json::Value) -> Result<WebSocketSettings, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_those_of_the_protocol() {
        let limits = settings(json!({})).unwrap().limits();
        assert_eq!((limits.sign_in, limits.silence), (Duration::from_secs(10), Duration::from_secs(90)));
        assert_eq!((limits.heartbeat, limits.renewal), (Duration::from_secs(30), Duration::from_secs(30)));
    }

    #[test]
    fn times_may_have_fractions() {
        assert_eq!(settings(json!({ "reconcile_seconds": 0.25 })).unwrap().reconcile, Duration::from_millis(250));
        assert_eq!(settings(json!({ "reconcile_seconds": 3 })).unwrap().reconcile, Duration::from_secs(3));
    }

    #[test]
    fn useless_values_are_refused() {
        for value in [json!(0), json!(-1), json!(1e9), json!("soon")] {
            assert!(settings(json!({ "heartbeat_seconds": value })).is_err(), "{value}");
        }
        for name in ["max_subscriptions", "max_connections_per_user", "max_frame_bytes", "units_burst", "user_units_per_second"] {
            assert!(settings(json!({ name: 0 })).is_err(), "{name}");
        }
        assert!(settings(json!({ "hearbeat_seconds": 1 })).is_err());
    }
}
