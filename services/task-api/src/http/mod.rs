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

use actix_web::web::{ServiceConfig, get, post, resource};
use zoetrope_http::{JsonLimit, KeyAccess};
use zoetrope_tokens::Scope;

pub use limits::limit_of;

use self::{ads::stream::video_events, sora2::generate_stream::generate_stream};

const READ: KeyAccess = KeyAccess::Needs(&[Scope::Read]);
const WRITE: KeyAccess = KeyAccess::Needs(&[Scope::Write]);
/// The stream tells how the task goes on and where its result is.
const CREATE_AND_FOLLOW: KeyAccess = KeyAccess::Needs(&[Scope::Read, Scope::Write]);

/// Every route of this service. Each says what an API key needs for it; one that says nothing is for no key.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/api/video/tasks")
                // Pictures come as text, too.
                .app_data(JsonLimit(create::DATA_URL_BYTES))
                // Whoever creates is told what was sent; so is whoever repeats it.
                .app_data(KeyAccess::ByMethod)
                .route(post().to(create::create_task))
                .route(get().to(tasks::list_tasks)),
        )
        // Before the pattern that would take the word for a task.
        .service(
            resource("/api/video/tasks/recover")
                .app_data(JsonLimit(recover::JSON_BYTES))
                .app_data(READ)
                .route(post().to(recover::recover_tasks)),
        )
        .service(resource("/api/video/tasks/{video_id}").app_data(READ).route(get().to(tasks::show_task)))
        // Shows the task to those who may see it.
        .service(resource("/api/video/tasks/{video_id}/cancel").app_data(WRITE).route(post().to(cancel::cancel_task)))
        .service(resource("/api/video/tasks/{video_id}/content").app_data(READ).route(get().to(content::content)))
        .service(resource("/api/video/tasks/{video_id}/refresh-url").app_data(READ).route(post().to(content::refresh_url)))
        .service(resource("/api/video/stats").app_data(READ).route(get().to(stats::show_stats)))
        // The portal's own page asks for it without the prefix.
        .service(
            resource(["/api/videos/generate-stream", "/videos/generate-stream"])
                .app_data(JsonLimit(sora2::JSON_BYTES))
                .app_data(CREATE_AND_FOLLOW)
                .route(post().to(generate_stream)),
        )
        .service(
            resource(["/api/v1/videos/{id}/events", "/api/v1/videos/{id}/stream"]).app_data(READ).route(get().to(video_events)),
        )
        .service(resource("/api/credits/balance").app_data(READ).route(get().to(balance::show_balance)))
        .service(resource("/media/videos/{task}/{file}").route(get().to(media::media)))
        .service(resource("/health").route(get().to(health::health)))
        .configure(docs::routes);
}
