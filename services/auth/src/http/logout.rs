use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_http::{
    Problem, ProblemBody, bearer_token, check_origin,
    envelope::{Envelope, success_with_message},
    session_cookie,
};

use super::cookie::{self, RefreshCookie};
use crate::accounts::{Accounts, Device};

/// Nothing: there is no more to say.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedOutView {}

/// Ends the session of the Bearer token, or of the session cookie, and of the cookie `refreshToken`, whichever there is. Also a success when there is none.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "auth",
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "No session is left; the cookie is cleared.", body = Envelope<SignedOutView>),
        (status = 403, description = "Cookies alone, from a page of a foreign origin.", body = ProblemBody),
        (status = 503, description = "A server behind us is away: the session goes on.", body = ProblemBody),
    )
)]
pub async fn logout(
    accounts: Data<Accounts>,
    refresh_cookie: Data<RefreshCookie>,
    device: Device,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    // A client that wants to be signed out is not to be turned away for a bad token.
    let bearer = bearer_token(request.headers()).ok().flatten();
    let (session, refresh) = (session_cookie(request.headers()), cookie::read(&request));
    if bearer.is_none() && (session.is_some() || refresh.is_some()) {
        check_origin(&request)?;
    }
    accounts.sign_out(bearer.or(session).as_deref(), refresh.as_deref(), device).await?;
    Ok(HttpResponse::Ok().cookie(refresh_cookie.clear()).json(success_with_message("signed out", SignedOutView {})))
}
