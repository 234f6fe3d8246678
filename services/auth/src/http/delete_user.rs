use actix_web::{HttpRequest, HttpResponse, web::Data};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zoetrope_http::{
    CurrentUser, OptionalJson, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
    iso_millis, refuse_foreign_origin,
};

use super::{cookie::RefreshCookie, session_cookie::SessionCookie};
use crate::accounts::{Accounts, Device};

#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct DeleteUserRequest {
    /// Required of a user who has one.
    #[schema(value_type = Option<String>, format = Password)]
    password: Option<SecretString>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletedView {
    /// When the account and all that belongs to it is erased, at the earliest. Name and address are taken until then.
    #[serde(serialize_with = "iso_millis")]
    erased_after: DateTime<Utc>,
}

/// Deletes the account.
///
/// All sessions and API keys end at once, and nobody signs in any more. After some time, everything is erased, at all services: tasks that
/// still run are cancelled, files are deleted. Until then an operator can bring the account back.
///
/// A user without a password, who signs in by a code or with another service, must have signed in within the last 15 minutes.
#[utoipa::path(
    delete,
    path = "/api/users/profile",
    tag = "users",
    security(("bearer" = [])),
    request_body(content = Option<DeleteUserRequest>),
    responses(
        (status = 200, description = "Deleted; the cookies are cleared.", body = Envelope<DeletedView>),
        (status = 400, description = "The password is missing or wrong.", body = ProblemBody),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "The session is not of the last 15 minutes: sign in again. Or it is an API key.", body = ProblemBody),
        (status = 429, description = "Too many wrong passwords; `Retry-After` says when to try again.", body = ProblemBody),
        (status = 503, description = "A server behind us is away, or too many sign-ins wait.", body = ProblemBody),
    )
)]
pub async fn delete_user(
    accounts: Data<Accounts>,
    refresh_cookie: Data<RefreshCookie>,
    session_cookie: Data<SessionCookie>,
    caller: CurrentUser,
    device: Device,
    http: HttpRequest,
    OptionalJson(request): OptionalJson<DeleteUserRequest>,
) -> Result<HttpResponse, Problem> {
    let password = request.and_then(|request| request.password);
    let erased_after = accounts.delete_own(caller.session_id()?, password, &device).await?;
    let view = DeletedView { erased_after };
    let mut response = HttpResponse::Ok();
    if refuse_foreign_origin(&http).is_ok() {
        response.cookie(refresh_cookie.clear()).cookie(session_cookie.clear());
    }
    Ok(response.json(success_with_message("the account was deleted", view)))
}
