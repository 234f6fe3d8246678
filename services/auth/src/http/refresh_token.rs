use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_http::{Problem, ProblemBody, check_origin};

use super::cookie::{self, RefreshCookie};
use crate::accounts::{Accounts, Device};

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefreshedView {
    /// Always true.
    success: bool,
    #[schema(example = "success")]
    status: &'static str,
    access_token: String,
    data: AccessTokenView,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AccessTokenView {
    access_token: String,
}

/// Gives a new access token for the cookie `refreshToken`, and replaces the cookie.
///
/// A cookie is good for one use. A second one ends the session, unless it follows the first within seconds.
#[utoipa::path(
    post,
    path = "/api/auth/refresh-token",
    tag = "auth",
    params(("refreshToken" = String, Cookie, description = "Set by the sign-in.")),
    responses(
        (status = 200, description = "A new access token; the cookie is replaced.", body = RefreshedView),
        (status = 401, description = "No cookie, or the session has ended.", body = ProblemBody),
        (status = 403, description = "From a page of a foreign origin.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn refresh_token(
    accounts: Data<Accounts>,
    refresh_cookie: Data<RefreshCookie>,
    device: Device,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let presented = cookie::read(&request).ok_or_else(|| Problem::unauthorized("there is no refresh token"))?;
    check_origin(&request)?;
    let refreshed = accounts.refresh(&presented, device).await?;
    let data = AccessTokenView { access_token: refreshed.access_token.clone() };
    Ok(HttpResponse::Ok().cookie(refresh_cookie.set(&refreshed.refresh_token)).json(RefreshedView {
        success: true,
        status: "success",
        access_token: refreshed.access_token,
        data,
    }))
}
