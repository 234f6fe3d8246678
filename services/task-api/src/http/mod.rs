//! The public API: one file per resource, and a folder for what only one client family knows.

pub mod ads;
pub mod balance;
pub mod cancel;
pub mod content;
pub mod create;
mod docs;
pub mod health;
mod limits;
pub mod media;
mod problems;
pub mod recover;
pub mod sora2;
pub mod stats;
pub mod tasks;
mod video_id;
mod view;

use actix_web::web::{ServiceConfig, get, head, post, resource};

pub use limits::limit_of;

use self::{ads::stream::video_events, sora2::generate_stream::generate_stream};

/// Every route of this service.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/api/video/tasks").route(post().to(create::create_task)).route(get().to(tasks::list_tasks)))
        // Before the pattern that would take the word for a task.
        .service(resource("/api/video/tasks/recover").route(post().to(recover::recover_tasks)))
        .service(resource("/api/video/tasks/{video_id}").route(get().to(tasks::show_task)))
        .service(resource("/api/video/tasks/{video_id}/cancel").route(post().to(cancel::cancel_task)))
        .service(resource("/api/video/tasks/{video_id}/content").route(get().to(content::content)))
        .service(resource("/api/video/tasks/{video_id}/refresh-url").route(post().to(content::refresh_url)))
        .service(resource("/api/video/stats").route(get().to(stats::show_stats)))
        // The portal's own page asks for it without the prefix.
        .service(resource(["/api/videos/generate-stream", "/videos/generate-stream"]).route(post().to(generate_stream)))
        .service(resource(["/api/v1/videos/{id}/events", "/api/v1/videos/{id}/stream"]).route(get().to(video_events)))
        .service(resource("/api/credits/balance").route(get().to(balance::show_balance)))
        .service(resource("/media/videos/{task}/{file}").route(get().to(media::media)).route(head().to(media::media)))
        .service(resource("/health").route(get().to(health::health)))
        .configure(docs::routes);
}
