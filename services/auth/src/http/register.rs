use actix_web::{HttpResponse, web::Data};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use zoetrope_http::{
    ClientLanguage, CookieJson, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};

use super::{cookie::RefreshCookie, done::DoneView, views::SignedInView};
use crate::{
    accounts::{Accounts, Device},
    rules::{
        registration::{Candidate, Registration},
        sign_in_code::{ShownCode, is_given},
        username::Chooser,
    },
};

#[derive(Debug, Deserialize, ToSchema)]
pub struct RegisterRequest {
    /// 1 to 64 characters, no `@`; unique whatever its case.
    #[schema(example = "ann")]
    username: Option<String>,
    /// Taken for `username` when that is missing.
    nickname: Option<String>,
    /// May be missing; unique whatever its case.
    #[schema(example = "ann@example.com")]
    email: Option<String>,
    /// 6 to 1024 characters, and none of the most common passwords.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
    /// In place of everything but `email`: the code that was mailed to it.
    #[schema(value_type = Option<String>, example = "047110")]
    code: Option<SecretString>,
}

/// Creates a user and signs in; by a mailed code, it only creates one.
///
/// Who comes with a code and is a user already stays one, and hears so with status 200. The answer to a code has nothing in `data`.
///
/// Mails to the user will be in the language that `Accept-Language` prefers, English or Chinese.
#[utoipa::path(
    post,
    path = "/api/auth/register",
    tag = "auth",
    request_body = RegisterRequest,
    responses(
        (status = 201, description = "Registered; also sets the cookie `refreshToken`.", body = SignedInView),
        (status = 200, description = "By a code: a user already.", body = Envelope<DoneView>),
        (status = 400, description = "A field cannot be taken, or the code is wrong.", body = ProblemBody),
        (status = 403, description = "From a page of a foreign origin; or by a code, and the account is an administrator's whose address is not confirmed.", body = ProblemBody),
        (status = 409, description = "The username or the email is taken.", body = ProblemBody),
        (status = 415, description = "The content type is not `application/json`.", body = ProblemBody),
        (status = 429, description = "Too many wrong codes; `Retry-After` says when to try again.", body = ProblemBody),
        (status = 503, description = "A server behind us is away, or too many sign-ins wait.", body = ProblemBody),
    )
)]
pub async fn register(
    accounts: Data<Accounts>,
    cookie: Data<RefreshCookie>,
    ClientLanguage(language): ClientLanguage,
    device: Device,
    CookieJson(request): CookieJson<RegisterRequest>,
) -> Result<HttpResponse, Problem> {
    let RegisterRequest { username, nickname, email, password, code } = request;
    if let Some(code) = code.filter(is_given) {
        let shown = ShownCode::parse(email, Some(code)).map_err(Problem::validation)?;
        let is_new = accounts.register_by_code(shown, language, device).await?;
        let (mut response, message) =
            if is_new { (HttpResponse::Created(), "registered") } else { (HttpResponse::Ok(), "you are registered already") };
        return Ok(response.json(success_with_message(message, DoneView {})));
    }
    let registration = Registration::parse(Candidate { username, nickname, email, password }, Chooser::Anybody);
    let registration = registration.map_err(Problem::validation)?;
    let signed_in = accounts.register(registration, language, device).await?;
    Ok(HttpResponse::Created().cookie(cookie.set(&signed_in.refresh_token)).json(SignedInView::after_registration(&signed_in)))
}
