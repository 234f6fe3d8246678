//! The endpoints of `auth`, one file each; a client family that has its own way of saying things has a folder.

mod ads;
mod api_keys;
mod avatar;
mod change_password;
mod confirm_email;
mod cookie;
mod delete_user;
mod device;
mod done;
mod forgot_password;
mod jwks;
mod limits;
mod login;
mod logout;
mod me;
mod openapi;
mod photo;
mod problem;
mod profile;
mod refresh_token;
mod register;
mod reset_password;
mod security_events;
mod send_code;
mod send_confirmation;
mod session_cookie;
mod sessions;
mod verify;
mod verify_code;
mod views;

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig, delete, get, patch, post, put, resource};
use zoetrope_http::{Authenticator, JsonLimit, KeyAccess};
use zoetrope_tokens::{Scope, Verifier};

pub use cookie::RefreshCookie;
pub use limits::limit_of;
pub use openapi::description;
pub use session_cookie::SessionCookie;

use crate::{accounts::Accounts, avatars::Avatars, federation::Federation, recent_users::RecentUsers};

/// Bytes of JSON. The longest password fits in, however it is written.
const JSON_LIMIT: JsonLimit = JsonLimit(32 * 1024);

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub accounts: Accounts,
    pub authenticator: Authenticator,
    pub verifier: Verifier,
    pub refresh_cookie: RefreshCookie,
    pub avatars: Avatars,
    pub recent_users: RecentUsers,
    pub session_cookie: SessionCookie,
    pub federation: Arc<Federation>,
}

/// The route table. API keys are for none of it, unless a resource says otherwise.
pub fn routes(state: &State, config: &mut ServiceConfig) {
    config
        .app_data(JSON_LIMIT)
        .app_data(Data::new(state.accounts.clone()))
        .app_data(Data::new(state.authenticator.clone()))
        .app_data(Data::new(state.verifier.clone()))
        .app_data(Data::new(state.refresh_cookie))
        .app_data(Data::new(state.avatars.clone()))
        .app_data(Data::new(state.recent_users.clone()))
        .app_data(Data::new(state.session_cookie))
        .app_data(Data::from(Arc::clone(&state.federation)))
        .app_data(KeyAccess::Never)
        .service(resource("/api/auth/register").route(post().to(register::register)))
        .service(resource("/api/auth/login").route(post().to(login::login)))
        .service(resource("/api/auth/verify").route(post().to(verify::verify)))
        .service(resource("/api/auth/logout").route(post().to(logout::logout)))
        .service(resource("/api/auth/refresh-token").route(post().to(refresh_token::refresh_token)))
        .service(resource("/api/auth/me").app_data(KeyAccess::Needs(&[Scope::Read])).route(get().to(me::me)))
        .service(resource("/api/auth/sessions").route(get().to(sessions::list)).route(delete().to(sessions::end_all)))
        .service(resource("/api/auth/sessions/{session_id}").route(delete().to(sessions::end)))
        .service(resource("/api/keys").route(get().to(api_keys::list)).route(post().to(api_keys::create)))
        .service(resource("/api/keys/{key_id}").route(delete().to(api_keys::revoke)))
        .service(resource("/api/auth/forgot-password").route(post().to(forgot_password::forgot_password)))
        .service(resource("/api/auth/reset-password").route(post().to(reset_password::reset_password)))
        .service(
            resource("/api/users/profile")
                .route(get().to(profile::show))
                .route(put().to(profile::change))
                .route(delete().to(delete_user::delete_user)),
        )
        .service(resource("/api/users/avatar").app_data(JsonLimit(avatar::JSON_BYTES)).route(post().to(avatar::upload)))
        .service(resource("/api/v1/users/profile").route(get().to(ads::profile::show)).route(patch().to(ads::profile::change)))
        .service(resource("/api/v1/users/recent").route(get().to(ads::recent_users::recent_users)))
        .service(resource("/media/avatars/{file}").route(get().to(avatar::show)))
        .service(resource("/api/auth/send-code").route(post().to(send_code::send_code)))
        .service(resource("/api/auth/send-confirmation").route(post().to(send_confirmation::send_confirmation)))
        .service(resource("/api/auth/verify-code").route(post().to(verify_code::verify_code)))
        .service(resource("/api/auth/confirm-email").route(get().to(confirm_email::ask)).route(post().to(confirm_email::confirm)))
        .service(resource("/api/v1/auth/google").route(post().to(ads::google::sign_in_with_google)))
        .service(resource("/api/v1/auth/refresh").route(post().to(ads::refresh::refresh_tokens)))
        .service(resource("/api/v1/auth/me").app_data(KeyAccess::Needs(&[Scope::Read])).route(get().to(ads::me::ads_me)))
        .service(resource("/api/v1/auth/logout").route(post().to(ads::logout::ads_logout)))
        .service(resource("/api/auth/wechat/login").route(post().to(photo::wechat::sign_in_with_wechat)))
        .service(resource("/api/auth/admin/login").route(post().to(photo::admin_login::sign_in_admin)))
        .service(resource("/api/auth/refresh").route(post().to(photo::refresh::renew_token)))
        .service(resource("/api/users/password").route(put().to(change_password::change_password)))
        .service(resource("/api/admin/users/{user_id}/security-events").route(get().to(security_events::list)))
        .service(resource("/.well-known/jwks.json").route(get().to(jwks::jwks)));
}
