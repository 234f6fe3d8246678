use actix_web::{HttpRequest, HttpResponse, web::Data};
use zoetrope_http::{
    Problem, ProblemBody, bearer_token, check_origin,
    envelope::{Envelope, success_with_message},
    refuse_foreign_origin, session_cookie as in_session_cookie,
};

use super::{
    cookie::{self, RefreshCookie},
    done::SaidView,
    session_cookie::SessionCookie,
};
use crate::accounts::{Accounts, Device};

const SIGNED_OUT: &str = "signed out";

/// Ends the sessions of the Bearer token and of the cookies `auth-session` and `refreshToken`, whichever there are. Also a success when
/// there is none.
///
/// A page of a foreign origin needs the Bearer token, and removes no cookies.
#[utoipa::path(
    post,
    path = "/api/auth/logout",
    tag = "auth",
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "No session is left; the cookies are cleared.", body = Envelope<SaidView>),
        (status = 403, description = "Without a Bearer token, from a page of a foreign origin.", body = ProblemBody),
        (status = 503, description = "A server behind us is away: the session goes on.", body = ProblemBody),
    )
)]
pub async fn logout(
    accounts: Data<Accounts>,
    refresh_cookie: Data<RefreshCookie>,
    session_cookie: Data<SessionCookie>,
    device: Device,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    // A client that wants to be signed out is not to be turned away for a bad token.
    let bearer = bearer_token(request.headers()).ok().flatten();
    let (session, refresh) = (in_session_cookie(request.headers()), cookie::read(&request));
    let is_foreign = refuse_foreign_origin(&request).is_err();
    if bearer.is_none() {
        if session.is_some() || refresh.is_some() { check_origin(&request) } else { refuse_foreign_origin(&request) }?;
    }
    let tokens: Vec<String> = bearer.into_iter().chain(session).collect();
    accounts.sign_out(&tokens, refresh.as_deref(), device).await?;
    let mut response = HttpResponse::Ok();
    if !is_foreign {
        response.cookie(refresh_cookie.clear()).cookie(session_cookie.clear());
    }
    Ok(response.json(success_with_message(SIGNED_OUT, SaidView { message: SIGNED_OUT })))
}
