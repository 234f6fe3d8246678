use utoipa::OpenApi;

use super::websocket;

#[derive(OpenApi)]
#[openapi(
    info(title = "Zoetrope", description = "Self-hosted AI media generation."),
    paths(websocket::websocket),
    tags((name = "live", description = "Live updates of tasks."))
)]
struct Description;

/// This service's part of the API description.
pub fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
