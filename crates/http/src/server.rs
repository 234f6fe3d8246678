use std::{io, net::SocketAddr, num::NonZeroUsize, time::Duration};

use actix_web::{
    App, HttpServer,
    body::BoxBody,
    dev::ServiceRequest,
    middleware::{Next, from_fn},
    web::{Data, ServiceConfig},
};
use ipnet::IpNet;
use serde::Deserialize;
use zoetrope_service::{Process, log_listening};

use crate::{
    RateLimits, WebOrigin,
    body::{BodyMemory, BodySettings, bound_bodies},
    canonical_path::canonical_path,
    client_address::{TrustedProxies, private_networks},
    cors::share_with_pages,
    methods::head_and_options,
    origin::AllowedOrigins,
    request_context,
};

/// Longer than the gateway keeps an idle connection, so that it never sends into one that closes.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// For the head of a request to arrive. Slow clients are the gateway's to end. After a pause of the whole process (a frozen machine, a
/// debugger), the server's clock is behind by the pause, and what came meanwhile seems that old: it must not be refused for it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);
/// Per worker. High, because open WebSockets count; the real bound is the limit on open files.
const MAX_CONNECTIONS: usize = 100_000;
/// Connections that wait to be accepted, so that many clients can come back at once.
const BACKLOG: u32 = 8192;
/// For requests in hand when the process ends; below the 30 s after which it is killed.
const SHUTDOWN_SECONDS: u64 = 25;

/// The public listener of a service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// `address:port`; port 0 takes any free one.
    pub listen: SocketAddr,
    #[serde(default = "default_workers")]
    pub workers: NonZeroUsize,
    /// Where the gateway calls from: it alone is believed what it says of a client's address. Default: loopback and private networks.
    #[serde(default = "private_networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Front-ends on other origins than the gateway's that may use a browser's sign-in (the session cookie). Default: none.
    #[serde(default)]
    pub allowed_origins: Vec<WebOrigin>,
    /// What bodies of requests may take.
    #[serde(default)]
    pub bodies: BodySettings,
}

fn default_workers() -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(1)
}

/// Serves the routes, with [`request_context`], CORS, the limits, and answers to `HEAD` and `OPTIONS` around them, until the process stops.
/// Gives back the addresses that were bound.
///
/// `routes` runs once per worker: shared state is made before and cloned in.
pub fn serve(
    process: &Process,
    settings: &HttpSettings,
    limits: RateLimits,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Vec<SocketAddr>> {
    let proxies = Data::new(TrustedProxies::new(&settings.trusted_proxies));
    let origins = Data::new(AllowedOrigins::new(settings.allowed_origins.clone()));
    let (bodies, memory) = (Data::new(settings.bodies), BodyMemory::new(&settings.bodies));
    let app = move || {
        let limits = limits.clone();
        let limited = move |request: ServiceRequest, next: Next<BoxBody>| limits.clone().apply(request, next);
        App::new()
            .app_data(proxies.clone())
            .app_data(origins.clone())
            .app_data(bodies.clone())
            .app_data(memory.clone())
            .wrap(from_fn(head_and_options))
            .wrap(from_fn(limited))
            .wrap(from_fn(request_context))
            .wrap(from_fn(share_with_pages))
            .wrap(from_fn(canonical_path))
            .wrap(from_fn(bound_bodies))
            .configure(routes.clone())
    };
    let server = HttpServer::new(app)
        .workers(settings.workers.get())
        .max_connections(MAX_CONNECTIONS)
        .backlog(BACKLOG)
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals()
        .bind(settings.listen)?;
    let addresses = server.addrs();
    process.serve_http(server.run());
    log_listening("http", addresses.iter().copied());
    Ok(addresses)
}
