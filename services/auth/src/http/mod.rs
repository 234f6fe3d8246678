//! The endpoints of `auth`, one file each.

mod cookie;
mod jwks;
mod limits;
mod login;
mod logout;
mod me;
mod openapi;
mod problem;
mod refresh_token;
mod register;
mod verify;
mod views;

use actix_web::web::{Data, ServiceConfig, get, post, resource};
use zoetrope_http::Authenticator;

pub use cookie::RefreshCookie;
pub use jwks::KeySet;
pub use limits::limit_of;
pub use openapi::description;

use crate::accounts::Accounts;

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub accounts: Accounts,
    pub authenticator: Authenticator,
    pub key_set: KeySet,
    pub refresh_cookie: RefreshCookie,
}

/// The route table.
pub fn routes(state: &State, config: &mut ServiceConfig) {
    config
        .app_data(Data::new(state.accounts.clone()))
        .app_data(Data::new(state.authenticator.clone()))
        .app_data(Data::new(state.key_set.clone()))
        .app_data(Data::new(state.refresh_cookie))
        .service(resource("/api/auth/register").route(post().to(register::register)))
        .service(resource("/api/auth/login").route(post().to(login::login)))
        .service(resource("/api/auth/verify").route(post().to(verify::verify)))
        .service(resource("/api/auth/logout").route(post().to(logout::logout)))
        .service(resource("/api/auth/refresh-token").route(post().to(refresh_token::refresh_token)))
        .service(resource("/api/auth/me").route(get().to(me::me)))
        .service(resource("/.well-known/jwks.json").route(get().to(jwks::jwks)));
}
