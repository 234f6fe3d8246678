use utoipa::OpenApi;
use zoetrope_http::openapi::BearerScheme;

use super::{change_password, forgot_password, jwks, login, logout, me, refresh_token, register, reset_password, verify};

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
        change_password::change_password,
        jwks::jwks,
    ),
    modifiers(&BearerScheme),
    tags((name = "auth", description = "Accounts, sessions and tokens."))
)]
struct Description;

/// This service's part of the API description.
pub fn description() -> utoipa::openapi::OpenApi {
    Description::openapi()
}
