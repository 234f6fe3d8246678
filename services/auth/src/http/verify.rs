use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zoetrope_http::{
    Json, Problem, ProblemBody,
    envelope::{Envelope, success},
};

use crate::accounts::Accounts;

#[derive(Deserialize, ToSchema)]
pub struct VerifyRequest {
    /// An access token, a session token or an API key.
    #[schema(min_length = 1)]
    token: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedView {
    #[schema(value_type = Uuid)]
    id: String,
    /// The same as `id`.
    #[schema(value_type = Uuid)]
    user_id: String,
    #[schema(example = "ann")]
    username: String,
    #[schema(example = "USER")]
    role: &'static str,
}

/// Tells whose token it is.
#[utoipa::path(
    post,
    path = "/api/auth/verify",
    tag = "auth",
    request_body = VerifyRequest,
    responses(
        (status = 200, description = "The token is good.", body = Envelope<VerifiedView>),
        (status = 400, description = "The token is missing.", body = ProblemBody),
        (status = 401, description = "The token is not valid, has expired, or was revoked.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn verify(accounts: Data<Accounts>, Json(request): Json<VerifyRequest>) -> Result<Envelope<VerifiedView>, Problem> {
    let token = request.token.trim();
    if token.is_empty() {
        return Err(Problem::field("token", "must not be empty"));
    }
    let user = accounts.identify(token).await?;
    let id = user.id.to_string();
    Ok(success(VerifiedView { id: id.clone(), user_id: id, username: user.username, role: user.role.as_str() }))
}
