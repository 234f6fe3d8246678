use utoipa::OpenApi;
use zoetrope_http::openapi::BearerScheme;

use super::{preferences, websocket};

#[derive(OpenApi)]
#[openapi(
    info(title = "Zoetrope", description = "Self-hosted AI media generation."),
    paths(
        websocket::websocket,
        preferences::show_preferences,
        preferences::set_preferences,
    ),
    modifiers(&BearerScheme),
    tags(
        (name = "live", description = "Live updates of tasks."),
        (name = "notifications", description = "What users are notified of."),
    )
)]
struct Description;

/// This service's part of the API description.
pub fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
