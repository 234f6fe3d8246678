use actix_web::web::Data;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use zoetrope_http::{
    ClientLanguage, CurrentUser, Json, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};

use super::done::DoneView;
use crate::{
    accounts::{Accounts, Device},
    rules::password::PasswordChange,
};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangePasswordRequest {
    #[schema(value_type = String, format = Password, min_length = 1, max_length = 1024)]
    current_password: Option<SecretString>,
    /// 6 to 1024 characters, and none of the most common passwords.
    #[schema(value_type = String, format = Password, min_length = 6, max_length = 1024)]
    new_password: Option<SecretString>,
}

/// Changes the password, and ends the user's other sessions.
///
/// The user is told by mail.
#[utoipa::path(
    put,
    path = "/api/users/password",
    tag = "auth",
    security(("bearer" = [])),
    request_body = ChangePasswordRequest,
    responses(
        (status = 200, description = "Changed; this session goes on.", body = Envelope<DoneView>),
        (status = 400, description = "The current password is wrong, or the new one cannot be taken.", body = ProblemBody),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 429, description = "Too many wrong passwords; `Retry-After` says when to try again.", body = ProblemBody),
        (status = 503, description = "A server behind us is away, or too many sign-ins wait.", body = ProblemBody),
    )
)]
pub async fn change_password(
    accounts: Data<Accounts>,
    caller: CurrentUser,
    ClientLanguage(language): ClientLanguage,
    device: Device,
    Json(request): Json<ChangePasswordRequest>,
) -> Result<Envelope<DoneView>, Problem> {
    let change = PasswordChange::parse(request.current_password, request.new_password).map_err(Problem::validation)?;
    accounts.change_password(caller.session_id()?, change, language, device).await?;
    Ok(success_with_message("the password was changed", DoneView {}))
}
