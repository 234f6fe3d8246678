//! `/api/webhooks`: where a user wants to hear of tasks, and what was told there.

pub mod body;
pub mod callbacks;
pub mod deliveries;
pub mod endpoints;
mod problems;
pub mod secrets;
pub mod view;

use actix_web::{
    Resource,
    web::{self, Data, ServiceConfig, delete, get, patch, post},
};
use zoetrope_http::{Authenticator, KeyAccess};
use zoetrope_tokens::Scope;

use crate::webhooks::Webhooks;

/// An API key needs a scope of its own here: who reads their secrets can write in our name.
fn resource(path: &str) -> Resource {
    web::resource(path).app_data(KeyAccess::Needs(&[Scope::Webhooks]))
}

/// The routes of webhooks.
pub fn routes(webhooks: &Webhooks, authenticator: &Authenticator, config: &mut ServiceConfig) {
    config
        .app_data(Data::new(webhooks.clone()))
        .app_data(Data::new(authenticator.clone()))
        .service(resource("/api/webhooks").route(get().to(endpoints::list)).route(post().to(endpoints::create)))
        // Before the pattern that would take the word for an endpoint.
        .service(resource("/api/webhooks/callback-secret").route(get().to(secrets::callback_secret)))
        .service(resource("/api/webhooks/callback-secret/rotate").route(post().to(secrets::rotate_callback_secret)))
        .service(resource("/api/webhooks/callback-deliveries").route(get().to(callbacks::list)))
        .service(resource("/api/webhooks/callback-deliveries/{delivery_id}").route(get().to(callbacks::show)))
        .service(resource("/api/webhooks/callback-deliveries/{delivery_id}/resend").route(post().to(callbacks::resend)))
        .service(
            resource("/api/webhooks/{webhook_id}")
                .route(get().to(endpoints::show))
                .route(patch().to(endpoints::change))
                .route(delete().to(endpoints::remove)),
        )
        .service(resource("/api/webhooks/{webhook_id}/rotate-secret").route(post().to(secrets::rotate_secret)))
        .service(resource("/api/webhooks/{webhook_id}/test").route(post().to(deliveries::test)))
        .service(resource("/api/webhooks/{webhook_id}/replay").route(post().to(deliveries::replay)))
        .service(resource("/api/webhooks/{webhook_id}/deliveries").route(get().to(deliveries::list)))
        .service(resource("/api/webhooks/{webhook_id}/deliveries/{delivery_id}/resend").route(post().to(deliveries::resend)));
}
