use actix_web::web::Data;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use zoetrope_http::{
    ClientLanguage, Json, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};

use super::done::DoneView;
use crate::{
    accounts::{Accounts, Device},
    rules::password::PasswordReset,
};

#[derive(Debug, Deserialize, ToSchema)]
pub struct ResetPasswordRequest {
    /// From the mailed link.
    #[schema(value_type = String, min_length = 1)]
    token: Option<SecretString>,
    /// 6 to 1024 characters, and none of the most common passwords.
    #[schema(value_type = String, format = Password, min_length = 6, max_length = 1024)]
    password: Option<SecretString>,
}

/// Chooses a new password with a mailed link, and ends all of the user's sessions. A link works once.
///
/// The user is told by mail. If nobody had shown before to receive mail at the account's address, the account is another owner's from now on, and
/// nothing that was set there before stays in force, user name and API keys included: sign in with the address.
#[utoipa::path(
    post,
    path = "/api/auth/reset-password",
    tag = "auth",
    request_body = ResetPasswordRequest,
    responses(
        (status = 200, description = "Changed; sign in with it.", body = Envelope<DoneView>),
        (status = 400, description = "The link does not work any more, or the password cannot be taken.", body = ProblemBody),
        (status = 403, description = "The account is suspended or was deleted.", body = ProblemBody),
        (status = 503, description = "A server behind us is away, or too many sign-ins wait.", body = ProblemBody),
    )
)]
pub async fn reset_password(
    accounts: Data<Accounts>,
    ClientLanguage(language): ClientLanguage,
    device: Device,
    Json(request): Json<ResetPasswordRequest>,
) -> Result<Envelope<DoneView>, Problem> {
    let reset = PasswordReset::parse(request.token, request.password).map_err(Problem::validation)?;
    accounts.reset_password(reset, language, device).await?;
    Ok(success_with_message("the password was changed", DoneView {}))
}
