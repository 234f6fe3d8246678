use anyhow::Result;
use zoetrope_testing::{Platform, PlatformBuilder, Servers, Service};

use super::restart;

/// Each worker of the gateway holds a little less than half as many clients as it may have files open.
const GATEWAY_WORKERS: u16 = 3;

/// All clients may be one user's, and all of them sign in at once.
const CONNECTIONS_PER_USER: u32 = 100_000;
const UNITS_PER_USER: u32 = 10 * CONNECTIONS_PER_USER;

/// The notifier with what it needs, logging as it would in production. The other services are there for the sign-in, and for the gateway.
pub fn platform() -> Result<PlatformBuilder> {
    Ok(Platform::builder()
        .servers(Servers::from_environment("ZOETROPE_BENCH")?)
        .replicas(Service::Poller, 0)
        .replicas(Service::ProviderSim, 0)
        .replicas(Service::Notifier, restart::REPLICAS)
        .gateway_workers(GATEWAY_WORKERS)
        .setting(Service::Notifier, "telemetry.format", "json")
        .setting(Service::Notifier, "websocket.max_connections_per_user", CONNECTIONS_PER_USER)
        .setting(Service::Notifier, "websocket.user_units_burst", UNITS_PER_USER)
        .setting(Service::Notifier, "websocket.user_units_per_second", UNITS_PER_USER))
}
