//! The sections that every binary has.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde::Deserialize;

/// `[telemetry]`, `[internal]` and `[shutdown]`. All of it has defaults.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ProcessSettings {
    /// Logs and traces.
    pub telemetry: TelemetrySettings,
    /// The listener for health and metrics.
    pub internal: InternalSettings,
    /// How the process ends.
    pub shutdown: ShutdownSettings,
}

impl ProcessSettings {
    pub(super) const SECTIONS: [&'static str; 3] = ["telemetry", "internal", "shutdown"];
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// Text, coloured on a terminal, for people.
    Pretty,
}

/// `[telemetry]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// How log lines look. Default `json`.
    pub format: LogFormat,
    /// Which log lines are written, in the syntax of `tracing-subscriber`'s `EnvFilter`. Default `info`. Libraries known to log
    /// message bodies or noise stay quiet unless named here.
    pub filter: String,
    /// Base address of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://collector:4318`. Without it nothing
    /// is exported; trace contexts still travel from service to service.
    pub otlp_endpoint: Option<String>,
    /// Share of the traces begun here that are exported, 0 to 1. Default 1. A trace begun elsewhere follows the decision made
    /// there.
    pub sample_ratio: f64,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { format: LogFormat::default(), filter: "info".to_owned(), otlp_endpoint: None, sample_ratio: 1.0 }
    }
}

/// `[internal]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InternalSettings {
    /// Address of `/livez`, `/readyz` and `/metrics`. Default `127.0.0.1:0`, any free port of the loopback interface. Never
    /// expose it to clients.
    pub listen: SocketAddr,
}

impl Default for InternalSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) }
    }
}

/// `[shutdown]`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutdownSettings {
    /// Seconds between "not ready" and the end of intake, for load balancers to notice. Default 3.
    pub drain_delay_seconds: u64,
    /// Seconds from the signal until the process exits, finished or not. Includes the drain delay. Default 25, which leaves room for
    /// the last spans to be exported within the 30 that Kubernetes allows.
    pub timeout_seconds: u64,
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self { drain_delay_seconds: 3, timeout_seconds: 25 }
    }
}

impl ShutdownSettings {
    pub(crate) fn drain_delay(self) -> Duration {
        Duration::from_secs(self.drain_delay_seconds)
    }

    pub(crate) fn timeout(self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }
}
