use actix_web::web::Data;
use serde::Deserialize;
use utoipa::ToSchema;
use zoetrope_http::{
    ClientLanguage, Json, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};

use super::done::DoneView;
use crate::{accounts::Accounts, rules::registration::required_email};

#[derive(Debug, Deserialize, ToSchema)]
pub struct ForgotPasswordRequest {
    #[schema(required, nullable = false, min_length = 1, example = "ann@example.com")]
    email: Option<String>,
}

/// Mails a link to choose a new password, if the address is a user's. The answer is the same when it is not.
///
/// The mail is in the language that `Accept-Language` prefers, English or Chinese. An account gets one a minute at the most,
/// and an administrator none who has not confirmed the address.
#[utoipa::path(
    post,
    path = "/api/auth/forgot-password",
    tag = "auth",
    request_body = ForgotPasswordRequest,
    responses(
        (status = 200, description = "A mail is on its way, if there is such a user.", body = Envelope<DoneView>),
        (status = 400, description = "The address is missing, or is none.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn forgot_password(
    accounts: Data<Accounts>,
    ClientLanguage(language): ClientLanguage,
    Json(request): Json<ForgotPasswordRequest>,
) -> Result<Envelope<DoneView>, Problem> {
    let email = required_email(request.email).map_err(|message| Problem::field("email", message))?;
    accounts.forgot_password(email, language).await?;
    Ok(success_with_message("if there is an account with this address, a mail is on its way", DoneView {}))
}
