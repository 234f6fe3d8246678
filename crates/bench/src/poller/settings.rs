use anyhow::Result;
use zoetrope_testing::{Platform, PlatformBuilder, Servers, Service};

use super::Options;
use crate::simulator::KEY;

/// Name in the poller's settings and in the jobs.
pub const PROVIDER: &str = "openai";

/// The provider and the pollers, logging and limited as they would be in production, but at one fixed interval: adapted to the age of
/// jobs, it would leave open how many polls are due.
pub fn platform(options: &Options) -> Result<PlatformBuilder> {
    let poller = |builder: PlatformBuilder, key: &str, value: f64| builder.setting(Service::Poller, key, value);
    let builder = Platform::builder()
        .servers(Servers::from_environment("ZOETROPE_BENCH")?)
        .replicas(Service::Auth, 0)
        .replicas(Service::TaskApi, 0)
        .replicas(Service::Notifier, 0)
        .replicas(Service::Poller, options.replicas)
        // It stands for a provider elsewhere, so its own work should cost as little as possible.
        .setting(Service::ProviderSim, "telemetry.filter", "warn")
        .setting(Service::ProviderSim, "simulation.api_keys", vec![KEY])
        .setting(Service::ProviderSim, "simulation.cheap", true)
        .setting(Service::Poller, "providers.openai.api_key", KEY)
        .setting(Service::Poller, "telemetry.format", "json");
    let builder = poller(builder, "polling.min_interval_seconds", options.interval);
    let builder = poller(builder, "polling.max_interval_seconds", options.interval);
    Ok(poller(builder, "polling.jitter", 0.0))
}
