use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use zoetrope_http::{
    Problem, ProblemBody, bearer_token,
    envelope::{Envelope, success_with_message},
};

use super::cookie::{self, RefreshCookie};
use crate::accounts::Accounts;

/// Nothing: there is no more to say.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignedOutView {}

/// Ends the session of the Bearer token and of the cookie, whichever there is. Also a success when there is none.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "auth",
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "No session is left; the cookie is cleared.", body = Envelope<SignedOutView>),
        (status = 503, description = "A server behind us is away: the session goes on.", body = ProblemBody),
    )
)]
pub async fn logout(
    accounts: Data<Accounts>,
    refresh_cookie: Data<RefreshCookie>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    // A client that wants to be signed out is not to be turned away for a bad token.
    let bearer = bearer_token(request.headers()).ok().flatten();
    accounts.sign_out(bearer.as_deref(), cookie::read(&request).as_deref()).await?;
    Ok(HttpResponse::Ok().cookie(refresh_cookie.clear()).json(success_with_message("signed out", SignedOutView {})))
}
