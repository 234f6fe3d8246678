use actix_web::{HttpResponse, web::Data};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zoetrope_http::{
    ClientLanguage, CookieJson, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};

use super::{session_cookie::SessionCookie, views::UserView};
use crate::{
    accounts::{Accounts, Device},
    rules::sign_in_code::ShownCode,
};

#[derive(Debug, Deserialize, ToSchema)]
pub struct VerifyCodeRequest {
    #[schema(required, nullable = false, min_length = 1, example = "ann@example.com")]
    email: Option<String>,
    #[schema(value_type = String, min_length = 1, example = "0471")]
    code: Option<SecretString>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct KnownView {
    user: UserView,
}

/// Signs in with a mailed code, and registers who is new.
///
/// Sets the cookie `auth-session`, which is taken where a Bearer token is taken, for 7 days by default.
#[utoipa::path(
    post,
    path = "/api/auth/verify-code",
    tag = "auth",
    request_body = VerifyCodeRequest,
    responses(
        (status = 200, description = "Signed in; also sets the cookie `auth-session`.", body = Envelope<KnownView>),
        (status = 400, description = "The code is wrong, was used, or is no longer good.", body = ProblemBody),
        (status = 403, description = "The account is suspended, or an administrator's whose address is not confirmed; or from a page of a foreign origin.", body = ProblemBody),
        (status = 415, description = "The content type is not `application/json`.", body = ProblemBody),
        (status = 429, description = "Too many wrong codes; `Retry-After` says when to try again.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn verify_code(
    accounts: Data<Accounts>,
    cookie: Data<SessionCookie>,
    ClientLanguage(language): ClientLanguage,
    device: Device,
    CookieJson(request): CookieJson<VerifyCodeRequest>,
) -> Result<HttpResponse, Problem> {
    let shown = ShownCode::parse(request.email, request.code).map_err(Problem::validation)?;
    let signed_in = accounts.sign_in_by_code(shown, language, device).await?.signed_in;
    let view = KnownView { user: UserView::from(&signed_in.user) };
    Ok(HttpResponse::Ok().cookie(cookie.set(&signed_in.session_token)).json(success_with_message("signed in", view)))
}
