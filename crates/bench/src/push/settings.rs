use anyhow::Result;
use zoetrope_testing::{Platform, PlatformBuilder, Servers, Service};

/// Each worker of the gateway holds a little less than half as many clients as it may have files open.
const GATEWAY_WORKERS: u16 = 3;

/// The notifier with what it needs, logging as it would in production. The other services are there for the sign-in, and for the gateway.
pub fn platform() -> Result<PlatformBuilder> {
    Ok(Platform::builder()
        .servers(Servers::from_environment("ZOETROPE_BENCH")?)
        .replicas(Service::Poller, 0)
        .replicas(Service::ProviderSim, 0)
        .gateway_workers(GATEWAY_WORKERS)
        .setting(Service::Notifier, "telemetry.format", "json"))
}
