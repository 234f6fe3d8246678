use actix_web::{HttpResponse, web::Data};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use zoetrope_http::{Json, Problem, ProblemBody};

use super::tokens::TokensView;
use crate::accounts::{Accounts, Device};

#[derive(Deserialize, ToSchema)]
pub struct RefreshTokensRequest {
    #[schema(value_type = String)]
    refresh_token: Option<SecretString>,
}

/// Exchanges a refresh token for an access token and the next refresh token.
///
/// A refresh token is good for one use. A second one ends the session, unless it follows the first within seconds.
#[utoipa::path(
    post,
    path = "/api/v1/auth/refresh",
    tag = "auth",
    request_body = RefreshTokensRequest,
    responses(
        (status = 200, description = "New tokens.", body = TokensView),
        (status = 401, description = "No refresh token, or the session has ended.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn refresh_tokens(
    accounts: Data<Accounts>,
    device: Device,
    Json(request): Json<RefreshTokensRequest>,
) -> Result<HttpResponse, Problem> {
    let presented = request.refresh_token.ok_or_else(|| Problem::unauthorized("there is no refresh token"))?;
    let refreshed = accounts.refresh(presented.expose_secret(), device).await?;
    Ok(HttpResponse::Ok().json(TokensView::new(&accounts, refreshed.access_token, &refreshed.refresh_token)))
}
