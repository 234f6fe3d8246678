//! Puts the parts together.

use actix_web::{App, HttpServer, web::Data};
use anyhow::Context;
use zoetrope_service::{Process, log_listening};

use crate::{http, settings::Settings, simulator::Simulator};

/// Requests in hand get this long at shutdown.
const SHUTDOWN_SECONDS: u64 = 5;

/// Starts the simulator's server.
pub(crate) async fn build(settings: Settings, cheap: bool, process: Process) -> anyhow::Result<()> {
    let behaviour = settings.simulation.behaviour(cheap)?;
    tracing::info!(
        duration_seconds = behaviour.duration_seconds,
        queue_seconds = behaviour.queue_seconds,
        cheap = behaviour.cheap,
        directives = behaviour.directives,
        "simulating"
    );
    let simulator = Data::new(Simulator::new(behaviour));
    let keys = Data::new(settings.simulation.api_keys()?);
    let (google, wechat) = (Data::new(settings.google), Data::new(settings.wechat));
    let app = move || {
        let data = App::new().app_data(simulator.clone()).app_data(keys.clone());
        data.app_data(google.clone()).app_data(wechat.clone()).configure(http::routes)
    };
    let server = HttpServer::new(app)
        .workers(settings.http.workers)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals()
        .bind(settings.http.listen)
        .with_context(|| format!("cannot listen on {} (http.listen)", settings.http.listen))?;
    log_listening("http", server.addrs());
    process.serve_http(server.run());
    Ok(())
}
