use actix_web::{HttpResponse, web::Data};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use zoetrope_http::{ClientLanguage, CookieJson, Problem, ProblemBody};

use super::{cookie::RefreshCookie, views::SignedInView};
use crate::{
    accounts::{AccountError, Accounts, Device},
    rules::{
        login::Login,
        sign_in_code::{ShownCode, is_given},
    },
};

#[derive(Debug, Deserialize, ToSchema)]
pub struct LoginRequest {
    /// The name, or the address; either this or `email`.
    #[schema(example = "ann")]
    username: Option<String>,
    email: Option<String>,
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
    /// In place of a password: the code that was mailed to `email`.
    #[schema(value_type = Option<String>, example = "047110")]
    code: Option<SecretString>,
}

/// Signs in, by a password or by a mailed code.
///
/// A code registers who is new. With it, `data.token` begins with `Bearer `, as the client that sends codes here needs it.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "auth",
    request_body = LoginRequest,
    responses(
        (status = 200, description = "Signed in; also sets the cookie `refreshToken`.", body = SignedInView),
        (status = 400, description = "A field is missing.", body = ProblemBody),
        (status = 401, description = "No such user, another password, or a wrong code.", body = ProblemBody),
        (status = 403, description = "The account is suspended, or an administrator's whose address is not confirmed; or from a page of a foreign origin.", body = ProblemBody),
        (status = 415, description = "The content type is not `application/json`.", body = ProblemBody),
        (status = 429, description = "Too many wrong passwords or codes; `Retry-After` says when to try again.", body = ProblemBody),
        (status = 503, description = "A server behind us is away, or too many sign-ins wait.", body = ProblemBody),
    )
)]
pub async fn login(
    accounts: Data<Accounts>,
    cookie: Data<RefreshCookie>,
    ClientLanguage(language): ClientLanguage,
    device: Device,
    CookieJson(request): CookieJson<LoginRequest>,
) -> Result<HttpResponse, Problem> {
    let LoginRequest { username, email, password, code } = request;
    let (signed_in, view) = match code.filter(is_given) {
        Some(code) => {
            let shown = ShownCode::parse(email, Some(code)).map_err(Problem::validation)?;
            let arrived = accounts.sign_in_by_code(shown, language, device).await.map_err(|error| match error {
                AccountError::WrongCode => Problem::unauthorized("the code is wrong or no longer good"),
                other => other.into(),
            })?;
            let view = SignedInView::after_code(&arrived.signed_in);
            (arrived.signed_in, view)
        }
        None => {
            let login = Login::parse(username, email, password).map_err(Problem::validation)?;
            let signed_in = accounts.sign_in(login, device).await?;
            let view = SignedInView::after_login(&signed_in);
            (signed_in, view)
        }
    };
    Ok(HttpResponse::Ok().cookie(cookie.set(&signed_in.refresh_token)).json(view))
}
