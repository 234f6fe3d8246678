use actix_web::{HttpRequest, web::Data};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zoetrope_http::{
    OptionalJson, Problem, ProblemBody, bearer_token,
    envelope::{Envelope, success},
};

use crate::accounts::{Accounts, Device};

#[derive(Deserialize, ToSchema)]
pub struct RenewalRequest {
    /// In place of the Bearer token.
    #[schema(value_type = Option<String>)]
    refresh_token: Option<SecretString>,
}

#[derive(Serialize, ToSchema)]
pub struct RenewedView {
    /// In exchange for a session token another one, else an access token.
    token: String,
    /// The next one, if the request brought one.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// Exchanges a token that is still good for a newer one.
///
/// A cookie does not count here: the page would see the token that the cookie hides from it.
///
/// The session token in the header (`data.token` of a sign-in) can be exchanged until 30 days after the sign-in, by default; both go on until
/// they expire or the session ends. A refresh token in the body is good for one use.
#[utoipa::path(
    post,
    path = "/api/auth/refresh",
    tag = "auth",
    security(("bearer" = []), ()),
    request_body(content = Option<RenewalRequest>, description = "May be left out."),
    responses(
        (status = 200, description = "A newer token.", body = Envelope<RenewedView>),
        (status = 401, description = "No token, one that is not good, or a session that has ended.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn renew_token(
    accounts: Data<Accounts>,
    request: HttpRequest,
    device: Device,
    OptionalJson(body): OptionalJson<RenewalRequest>,
) -> Result<Envelope<RenewedView>, Problem> {
    let refresh_token = body.and_then(|body| body.refresh_token).filter(|token| !token.expose_secret().is_empty());
    if let Some(refresh_token) = refresh_token {
        let refreshed = accounts.refresh(refresh_token.expose_secret(), device).await?;
        let next = refreshed.refresh_token.reveal().expose_secret().to_owned();
        return Ok(success(RenewedView { token: refreshed.access_token, refresh_token: Some(next) }));
    }
    let presented = bearer_token(request.headers())?.ok_or_else(|| Problem::unauthorized("sign in first"))?;
    Ok(success(RenewedView { token: accounts.renew(&presented).await?, refresh_token: None }))
}
