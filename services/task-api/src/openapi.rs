//! The part of the API description that belongs to this service.

use utoipa::OpenApi;
use zoetrope_http::openapi::{BearerScheme, with_common_responses};

use crate::http;

#[derive(OpenApi)]
#[openapi(
    info(title = "Zoetrope", description = "Generates videos, live."),
    paths(
        http::create::create_task,
        http::tasks::list_tasks,
        http::tasks::show_task,
        http::cancel::cancel_task,
        http::content::content,
        http::content::refresh_url,
        http::recover::recover_tasks,
        http::stats::show_stats,
        http::sora2::generate_stream::generate_stream,
        http::ads::stream::video_events,
        http::balance::show_balance,
        http::media::media,
        http::health::health,
    ),
    // Parts of events, which no response can name.
    components(schemas(http::ads::StepView, http::sora2::VideoView)),
    modifiers(&BearerScheme),
    tags(
        (name = "video", description = "Video generation"),
        (name = "credits", description = "Credits"),
        (name = "media", description = "Finished files"),
        (name = "operation", description = "Operation"),
    ),
)]
struct TaskApi;

/// This service's part of the API description.
pub fn description() -> utoipa::openapi::OpenApi {
    with_common_responses(TaskApi::openapi(), http::limit_of)
}
