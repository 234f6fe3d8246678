use utoipa::OpenApi;
use zoetrope_http::openapi::{BearerScheme, with_common_responses};

use super::{
    ads, api_keys, avatar, change_password, confirm_email, delete_user, forgot_password, jwks, limit_of, login, logout, me,
    photo, profile, refresh_token, register, reset_password, security_events, send_code, send_confirmation, sessions, verify,
    verify_code,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Zoetrope", description = "Self-hosted AI media generation."),
    paths(
        register::register,
        login::login,
        verify::verify,
        logout::logout,
        refresh_token::refresh_token,
        me::me,
        forgot_password::forgot_password,
        reset_password::reset_password,
        send_code::send_code,
        send_confirmation::send_confirmation,
        verify_code::verify_code,
        confirm_email::ask,
        confirm_email::confirm,
        ads::google::sign_in_with_google,
        ads::refresh::refresh_tokens,
        ads::me::ads_me,
        ads::logout::ads_logout,
        photo::wechat::sign_in_with_wechat,
        photo::admin_login::sign_in_admin,
        photo::refresh::renew_token,
        change_password::change_password,
        jwks::jwks,
        sessions::list,
        sessions::end,
        sessions::end_all,
        api_keys::list,
        api_keys::create,
        api_keys::revoke,
        delete_user::delete_user,
        security_events::list,
        profile::show,
        profile::change,
        avatar::upload,
        avatar::show,
        ads::profile::show,
        ads::profile::change,
        ads::recent_users::recent_users,
    ),
    modifiers(&BearerScheme),
    tags(
        (name = "auth", description = "Accounts, sessions and tokens."),
        (name = "keys", description = "API keys, for programs."),
        (name = "users", description = "Profiles, and the end of an account."),
        (name = "admin", description = "For administrators."),
    )
)]
struct Description;

/// This service's part of the API description.
pub fn description() -> utoipa::openapi::OpenApi {
    with_common_responses(Description::openapi(), limit_of)
}
