use actix_web::{HttpResponse, web::Data};
use zoetrope_http::{CurrentUser, Problem, ProblemBody};

use crate::accounts::{Accounts, Device};

/// Ends the session.
///
/// A token that has expired is refused: its session goes on as long as its refresh token does, so the client refreshes and asks again.
#[utoipa::path(
    post,
    path = "/api/v1/auth/logout",
    tag = "auth",
    security(("bearer" = [])),
    responses(
        (status = 204, description = "The session has ended."),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "Not with an API key.", body = ProblemBody),
        (status = 503, description = "A server behind us is away: the session goes on.", body = ProblemBody),
    )
)]
pub async fn ads_logout(accounts: Data<Accounts>, caller: CurrentUser, device: Device) -> Result<HttpResponse, Problem> {
    let session = caller.session_id()?;
    accounts.end_session(session, session, device).await?;
    Ok(HttpResponse::NoContent().finish())
}
