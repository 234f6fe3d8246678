//! The endpoints of `notifier`.

mod events;
mod limits;
mod openapi;
pub mod preferences;
pub mod webhooks;
mod websocket;

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig, get, resource};
use zoetrope_http::{Authenticator, KeyAccess};
use zoetrope_tokens::Scope;

pub use limits::limit_of;
pub use openapi::description;

use crate::socket::Context;

/// Of an API key, to follow tasks. The WebSocket, whose first frame brings the key, asks for the same.
const FOLLOWING: KeyAccess = KeyAccess::Needs(&[Scope::Read]);

/// The routes of what is live.
pub fn routes(context: &Arc<Context>, authenticator: &Authenticator, config: &mut ServiceConfig) {
    config
        .app_data(Data::from(Arc::clone(context)))
        .app_data(Data::new(authenticator.clone()))
        .service(resource("/ws").route(get().to(websocket::websocket)))
        .service(resource("/api/events").app_data(FOLLOWING).route(get().to(events::follow_tasks)))
        .service(resource("/api/tasks/{id}/events").app_data(FOLLOWING).route(get().to(events::follow_task)));
}
