//! The HTTP side: the video API under `/v1`, which asks for a key; files under `/files`, which ask for a signature; Google under `/google` and
//! WeChat under `/sns`, which ask for their client's secret; and the controls under `/simulation`, which ask for nothing.

mod authorization;
mod content;
mod cut;
mod error;
mod fault;
mod google;
mod link;
mod order_form;
mod part;
mod simulation;
mod trace;
mod videos;
mod view;
mod wechat;

use actix_web::{
    middleware::from_fn,
    web::{self, ServiceConfig},
};

pub(crate) use authorization::ApiKeys;

use error::ApiError;

/// The route table. Needs `Data` of the simulator, of the keys, and of the settings of Google and WeChat in the application.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .app_data(web::JsonConfig::default().error_handler(|error, _| ApiError::body(&error).into()))
        .app_data(web::QueryConfig::default().error_handler(|error, _| ApiError::query(&error).into()))
        .app_data(web::FormConfig::default().error_handler(|error, _| ApiError::body(&error).into()))
        .service(
            web::scope("/v1")
                .wrap(from_fn(authorization::require_key))
                .wrap(from_fn(trace::traced))
                .route("/videos", web::post().to(videos::create))
                .route("/videos", web::get().to(videos::list))
                .route("/videos/{id}", web::get().to(videos::retrieve))
                .route("/videos/{id}", web::delete().to(videos::delete))
                .route("/videos/{id}/content", web::get().to(content::download))
                .default_service(web::to(unknown_path)),
        )
        .route("/files/{id}", web::get().to(content::linked))
        .route("/google/.well-known/openid-configuration", web::get().to(google::discovery))
        .route("/google/authorize", web::get().to(google::authorize))
        .route("/google/certs", web::get().to(google::certs))
        .route("/google/token", web::post().to(google::token))
        .route("/sns/jscode2session", web::get().to(wechat::session))
        .route("/simulation/google/keys", web::post().to(google::rotate))
        .route("/simulation", web::get().to(simulation::show))
        .route("/simulation", web::put().to(simulation::change))
        .route("/simulation/totals", web::get().to(simulation::totals))
        .route("/simulation/submissions", web::get().to(simulation::submissions))
        .route("/simulation/submissions", web::delete().to(simulation::reset))
        .default_service(web::to(unknown_path));
}

async fn unknown_path() -> Result<&'static str, ApiError> {
    Err(ApiError::unknown_path())
}

#[cfg(test)]
mod tests;
