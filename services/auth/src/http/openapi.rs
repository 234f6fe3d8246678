use utoipa::OpenApi;
use zoetrope_http::openapi::{BearerScheme, with_limits};

use super::{jwks, limit_of, login, logout, me, refresh_token, register, verify};

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
        jwks::jwks,
    ),
    modifiers(&BearerScheme),
    tags((name = "auth", description = "Accounts, sessions and tokens."))
)]
struct Description;

/// This service's part of the API description.
pub fn description() -> utoipa::openapi::OpenApi {
    with_limits(Description::openapi(), limit_of)
}
