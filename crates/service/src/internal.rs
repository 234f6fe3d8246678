//! The listener for the platform: health and metrics, on a port that clients cannot reach.

use actix_web::{App, HttpResponse, HttpServer, Route, dev::ServerHandle, guard, http::header::ContentType, web};
use anyhow::Context as _;

use crate::{metrics::Metrics, process::Process, settings::InternalSettings, tasks::spawn_on};

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The running listener. It outlives the service's own work, so that a shutdown can be watched.
pub(crate) struct InternalListener {
    handle: ServerHandle,
}

impl InternalListener {
    pub(crate) fn start(process: &Process, settings: &InternalSettings, metrics: Metrics) -> anyhow::Result<Self> {
        let probed = process.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(probed.clone()))
                .app_data(web::Data::new(metrics.clone()))
                .service(web::resource("/livez").route(get_or_head().to(livez)))
                .service(web::resource("/readyz").route(get_or_head().to(readyz)))
                .service(web::resource("/metrics").route(get_or_head().to(render_metrics)))
        })
        .workers(1)
        .disable_signals()
        .bind(settings.listen)
        .with_context(|| format!("cannot listen on {} (setting `internal.listen`)", settings.listen))?;
        crate::log_listening("internal", server.addrs());
        let server = server.run();
        let handle = server.handle();
        spawn_on(process.runtime_handle(), server);
        Ok(Self { handle })
    }

    pub(crate) async fn stop(self) {
        self.handle.stop(false).await;
    }
}

/// Some probes ask with HEAD. The HTTP codec keeps the body back.
fn get_or_head() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Alive: the process answers. It says nothing about what the process depends on, since a restart would not mend that.
async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::plaintext()).body("ok\n")
}

/// Ready: 200 or 503, with what each check said.
async fn readyz(process: web::Data<Process>) -> HttpResponse {
    let readiness = process.readiness().clone();
    // On the main runtime: what a check connects to must not be tied to this worker's.
    match spawn_on(process.runtime_handle(), async move { readiness.report().await }).await {
        Ok(report) if report.is_ready() => HttpResponse::Ok().json(report),
        Ok(report) => HttpResponse::ServiceUnavailable().json(report),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

async fn render_metrics(metrics: web::Data<Metrics>) -> HttpResponse {
    HttpResponse::Ok().content_type(PROMETHEUS_TEXT).body(metrics.render())
}
