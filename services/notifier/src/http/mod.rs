//! The endpoints of `notifier`.

mod limits;
mod openapi;
pub mod preferences;
pub mod webhooks;
mod websocket;

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig, get, resource};

pub use limits::limit_of;
pub use openapi::description;

use crate::socket::Context;

/// The route table.
pub fn routes(context: &Arc<Context>, config: &mut ServiceConfig) {
    config.app_data(Data::from(Arc::clone(context))).service(resource("/ws").route(get().to(websocket::websocket)));
}
