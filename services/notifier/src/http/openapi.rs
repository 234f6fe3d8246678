use utoipa::OpenApi;
use zoetrope_http::openapi::{BearerScheme, with_common_responses};

use super::{
    events, limit_of, preferences,
    webhooks::{callbacks, deliveries, endpoints, secrets},
    websocket,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Zoetrope", description = "Self-hosted AI media generation."),
    paths(
        websocket::websocket,
        events::follow_tasks,
        events::follow_task,
        preferences::show_preferences,
        preferences::set_preferences,
        endpoints::create,
        endpoints::list,
        endpoints::show,
        endpoints::change,
        endpoints::remove,
        secrets::rotate_secret,
        secrets::callback_secret,
        secrets::rotate_callback_secret,
        deliveries::list,
        deliveries::test,
        deliveries::resend,
        deliveries::replay,
        callbacks::list,
        callbacks::show,
        callbacks::resend,
    ),
    modifiers(&BearerScheme),
    tags(
        (name = "live", description = "Live updates of tasks."),
        (name = "notifications", description = "What users are notified of."),
        (name = "webhooks", description = "Updates of tasks, sent to addresses of one's own."),
    )
)]
struct Description;

/// This service's part of the API description.
pub fn description() -> utoipa::openapi::OpenApi {
    with_common_responses(Description::openapi(), limit_of)
}
