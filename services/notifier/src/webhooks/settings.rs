use std::{
    num::{NonZeroU8, NonZeroU16},
    time::Duration,
};

use chrono::TimeDelta;
use serde::Deserialize;
use zoetrope_egress::{Destinations, IpNet};

use super::Schedule;
use crate::settings::seconds;

/// How webhooks are delivered (`[webhooks]`). Times are in seconds and may have fractions.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    // These two, by which addresses are judged, are settings of `task-api` as well.
    /// Whether addresses may be `http`. Default false.
    allow_http: bool,
    /// Networks that messages may go to although they are not public, such as `10.1.0.0/16`. Default none.
    allowed_networks: Vec<IpNet>,
    /// Endpoints that a user may have. Default 10.
    pub max_endpoints: NonZeroU8,
    /// For one attempt. Default 20.
    #[serde(rename = "timeout_seconds", deserialize_with = "seconds")]
    pub timeout: Duration,
    /// Between two attempts of a message: the first pause, the second, and so on, each a fifth shorter or longer. Default nine pauses, so
    /// ten attempts over three days.
    #[serde(rename = "retry_seconds")]
    pub schedule: Schedule,
    /// Attempts at the same time to one endpoint, over all replicas. Default 4. One that fails gets a single one.
    pub endpoint_concurrency: NonZeroU16,
    /// Attempts at the same time of one replica. Default 128.
    pub concurrency: NonZeroU16,
    /// How long a replaced secret goes on to sign beside the new one. Default 86400.
    #[serde(rename = "secret_overlap_seconds", deserialize_with = "seconds")]
    pub secret_overlap: Duration,
    /// Days of nothing but failures after which an endpoint is disabled. Default 5.
    disable_after_days: NonZeroU16,
    /// Days until deliveries and their attempts are forgotten. Default 30.
    keep_days: NonZeroU16,
    /// Between two looks for what a replica that died has left, at the latest. Default 5.
    #[serde(rename = "sweep_seconds", deserialize_with = "seconds")]
    pub sweep: Duration,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            allow_http: false,
            allowed_networks: Vec::new(),
            max_endpoints: const { NonZeroU8::new(10).unwrap() },
            timeout: Duration::from_secs(20),
            schedule: Schedule::default(),
            endpoint_concurrency: const { NonZeroU16::new(4).unwrap() },
            concurrency: const { NonZeroU16::new(128).unwrap() },
            secret_overlap: Duration::from_secs(24 * 60 * 60),
            disable_after_days: const { NonZeroU16::new(5).unwrap() },
            keep_days: const { NonZeroU16::new(30).unwrap() },
            sweep: Duration::from_secs(5),
        }
    }
}

impl WebhookSettings {
    pub fn destinations(&self) -> Destinations {
        Destinations { allowed_networks: self.allowed_networks.clone(), allow_http: self.allow_http }
    }

    pub fn disable_after(&self) -> Duration {
        Duration::from_secs(u64::from(self.disable_after_days.get()) * 24 * 60 * 60)
    }

    pub fn kept(&self) -> TimeDelta {
        TimeDelta::days(self.keep_days.get().into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(value: serde_json::Value) -> Result<WebhookSettings, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn by_default_only_public_hosts_are_called() {
        let destinations = settings(json!({})).unwrap().destinations();
        assert!(!destinations.allow_http && !destinations.permits([127, 0, 0, 1].into()));
    }

    #[test]
    fn useless_values_are_refused() {
        for (key, value) in [
            ("allowed_networks", json!(["localhost"])),
            ("allowed_networks", json!(["10.0.0.0/33"])),
            ("max_endpoints", json!(0)),
            ("timeout_seconds", json!(0)),
            ("retry_seconds", json!([5, 0])),
            ("concurrency", json!(0)),
            ("attempts", json!(10)),
        ] {
            assert!(settings(json!({ key: value })).is_err(), "{key} = {value}");
        }
    }
}
