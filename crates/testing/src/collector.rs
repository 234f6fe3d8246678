use std::sync::{Arc, Mutex, PoisonError};

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Result;

use crate::ports::free_port;

type Exports = Arc<Mutex<Vec<web::Bytes>>>;

/// An OpenTelemetry collector that keeps what services export (OTLP, protobuf over HTTP).
#[derive(Debug)]
pub struct Collector {
    port: u16,
    exports: Exports,
}

impl Collector {
    /// Listens until the test ends.
    pub fn start() -> Result<Self> {
        let exports = Exports::default();
        let port = free_port()?;
        let shared = web::Data::from(exports.clone());
        let server = HttpServer::new(move || App::new().app_data(shared.clone()).route("/v1/traces", web::post().to(keep)))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", port))?
            .run();
        #[expect(clippy::disallowed_methods, reason = "the server ends with the test's runtime")]
        tokio::spawn(server);
        Ok(Self { port, exports })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether this service has exported a span of this trace. An export holds the spans of one process, its name as text, and trace
    /// ids as their 16 bytes.
    pub fn has(&self, service: &str, trace_id: u128) -> bool {
        let exports = self.exports.lock().unwrap_or_else(PoisonError::into_inner);
        exports.iter().any(|export| contains(export, service.as_bytes()) && contains(export, &trace_id.to_be_bytes()))
    }
}

async fn keep(exports: web::Data<Mutex<Vec<web::Bytes>>>, body: web::Bytes) -> HttpResponse {
    exports.lock().unwrap_or_else(PoisonError::into_inner).push(body);
    HttpResponse::Ok().content_type("application/x-protobuf").finish()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
