use actix_web::web::Data;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zoetrope_http::{
    Json, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};

use crate::{
    accounts::{Accounts, Device},
    rules::login::Login,
};

#[derive(Deserialize, ToSchema)]
pub struct AdminLoginRequest {
    /// The name, or the address.
    #[schema(required, nullable = false, min_length = 1, example = "ann")]
    username: Option<String>,
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    password: Option<SecretString>,
}

#[derive(Serialize, ToSchema)]
pub struct AdminView {
    /// For 7 days by default; can be renewed.
    token: String,
    admin: Admin,
}

#[derive(Debug, Serialize, ToSchema)]
struct Admin {
    #[schema(value_type = Uuid)]
    admin_id: String,
    #[schema(example = "ann")]
    username: String,
    /// The name that is shown.
    #[schema(example = "Ann")]
    nickname: String,
    /// Always `admin`.
    #[schema(example = "admin")]
    role: String,
}

/// Signs an administrator in.
#[utoipa::path(
    post,
    path = "/api/auth/admin/login",
    tag = "auth",
    request_body = AdminLoginRequest,
    responses(
        (status = 200, description = "Signed in.", body = Envelope<AdminView>),
        (status = 400, description = "A field is missing.", body = ProblemBody),
        (status = 401, description = "No such user, or another password.", body = ProblemBody),
        (status = 403, description = "The user is no administrator, or is suspended.", body = ProblemBody),
        (status = 429, description = "Too many wrong passwords; `Retry-After` says when to try again.", body = ProblemBody),
        (status = 503, description = "A server behind us is away, or too many sign-ins wait.", body = ProblemBody),
    )
)]
pub async fn sign_in_admin(
    accounts: Data<Accounts>,
    device: Device,
    Json(request): Json<AdminLoginRequest>,
) -> Result<Envelope<AdminView>, Problem> {
    let login = Login::parse(request.username, None, request.password).map_err(Problem::validation)?;
    let signed_in = accounts.sign_in_admin(login, device).await?;
    let admin = Admin {
        admin_id: signed_in.user.id.to_string(),
        nickname: signed_in.user.shown_name().to_owned(),
        username: signed_in.user.username,
        role: signed_in.user.role.as_str().to_lowercase(),
    };
    Ok(success_with_message("signed in", AdminView { token: signed_in.session_token, admin }))
}
