use actix_web::{HttpResponse, web::Data};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use zoetrope_http::{Json, Problem, ProblemBody};

use super::{cookie::RefreshCookie, views::SignedInView};
use crate::{
    accounts::{Accounts, Device},
    rules::login::Login,
};

#[derive(Debug, Deserialize, ToSchema)]
pub struct LoginRequest {
    /// The name, or the address; either this or `email`.
    #[schema(example = "ann")]
    username: Option<String>,
    email: Option<String>,
    #[schema(value_type = String, format = Password)]
    password: Option<SecretString>,
}

/// Signs in.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "auth",
    request_body = LoginRequest,
    responses(
        (status = 200, description = "Signed in; also sets the cookie `refreshToken`.", body = SignedInView),
        (status = 400, description = "A field is missing.", body = ProblemBody),
        (status = 401, description = "No such user, or another password.", body = ProblemBody),
        (status = 403, description = "The account is suspended.", body = ProblemBody),
        (status = 429, description = "Too many wrong passwords; `Retry-After` says when to try again.", body = ProblemBody),
        (status = 503, description = "A server behind us is away, or too many sign-ins wait.", body = ProblemBody),
    )
)]
pub async fn login(
    accounts: Data<Accounts>,
    cookie: Data<RefreshCookie>,
    device: Device,
    Json(request): Json<LoginRequest>,
) -> Result<HttpResponse, Problem> {
    let login = Login::parse(request.username, request.email, request.password).map_err(Problem::validation)?;
    let signed_in = accounts.sign_in(login, device).await?;
    Ok(HttpResponse::Ok().cookie(cookie.set(&signed_in.refresh_token)).json(SignedInView::after_login(&signed_in)))
}
