use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web::Data};
use chrono::Utc;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;

/// Longer than that, and the database counts as down.
const PATIENCE: Duration = Duration::from_secs(2);

/// Health in one body for all clients that ask for it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    success: bool,
    /// `healthy` or `unhealthy`.
    #[schema(example = "healthy")]
    status: &'static str,
    data: HealthData,
    checks: Checks,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HealthData {
    /// `ok` or `error`.
    #[schema(example = "ok")]
    status: &'static str,
    /// Unix milliseconds.
    timestamp: i64,
    /// Seconds.
    uptime: f64,
    #[schema(example = "0.1.0")]
    version: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Checks {
    database: Check,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// `up` or `down`.
    #[schema(example = "up")]
    status: &'static str,
    /// Milliseconds.
    response_time: f64,
}

/// Whether the API can answer.
#[utoipa::path(
    get,
    path = "/health",
    tag = "operation",
    responses(
        (status = 200, description = "It can", body = Health),
        (status = 503, description = "It cannot, for now", body = Health),
    ),
)]
pub async fn health(app: Data<App>) -> HttpResponse {
    let asked = Instant::now();
    let up = matches!(tokio::time::timeout(PATIENCE, app.commands.database.ping()).await, Ok(Ok(())));
    let health = Health {
        success: up,
        status: if up { "healthy" } else { "unhealthy" },
        data: HealthData {
            status: if up { "ok" } else { "error" },
            timestamp: Utc::now().timestamp_millis(),
            uptime: app.started.elapsed().as_secs_f64(),
            version: env!("CARGO_PKG_VERSION"),
        },
        checks: Checks {
            database: Check { status: if up { "up" } else { "down" }, response_time: asked.elapsed().as_secs_f64() * 1000.0 },
        },
    };
    if up {
        HttpResponse::Ok().json(health)
    } else {
        HttpResponse::ServiceUnavailable().insert_header(("Retry-After", "2")).json(health)
    }
}
