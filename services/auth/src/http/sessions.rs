use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use zoetrope_domain::SessionId;
use zoetrope_http::{
    CurrentUser, Path, Problem, ProblemBody, Query,
    envelope::{Envelope, success, success_with_message},
    iso_millis,
};

use crate::accounts::{Accounts, Device, OpenSession};

#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    sessions: Vec<OpenSessionView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OpenSessionView {
    id: Uuid,
    /// What the client that signed in calls itself.
    #[schema(example = "Mozilla/5.0 (X11; Linux x86_64)")]
    device: Option<String>,
    /// Where it signed in.
    #[schema(example = "192.0.2.7")]
    address: Option<String>,
    #[serde(serialize_with = "iso_millis")]
    created_at: DateTime<Utc>,
    /// To within some seconds.
    #[serde(serialize_with = "iso_millis")]
    last_used_at: DateTime<Utc>,
    #[serde(serialize_with = "iso_millis")]
    expires_at: DateTime<Utc>,
    /// The one that asks.
    current: bool,
}

impl OpenSessionView {
    fn new(session: OpenSession, current: SessionId) -> Self {
        Self {
            id: session.id.as_uuid(),
            device: session.device,
            address: session.address.map(|address| address.to_string()),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            current: session.id == current,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct EndSessions {
    /// Whether the session that asks goes on; it ends with the others unless told.
    #[serde(default)]
    keep_current: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct EndedView {
    /// How many sessions ended.
    ended: usize,
}

/// Where one is signed in.
///
/// The sessions that have not ended, the newest first, 200 at most.
#[utoipa::path(
    get,
    path = "/api/auth/sessions",
    tag = "auth",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The sessions.", body = Envelope<SessionList>),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "Not with an API key.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn list(accounts: Data<Accounts>, caller: CurrentUser) -> Result<Envelope<SessionList>, Problem> {
    let current = caller.session_id()?;
    let sessions = accounts.sessions(caller.user_id).await?;
    Ok(success(SessionList { sessions: sessions.into_iter().map(|session| OpenSessionView::new(session, current)).collect() }))
}

/// Ends a session.
///
/// Its tokens are refused everywhere within two seconds, and its WebSockets are closed.
#[utoipa::path(
    delete,
    path = "/api/auth/sessions/{sessionId}",
    tag = "auth",
    security(("bearer" = [])),
    params(("sessionId" = Uuid, Path)),
    responses(
        (status = 200, description = "It has ended.", body = Envelope<EndedView>),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "Not with an API key.", body = ProblemBody),
        (status = 404, description = "No such session, another user's, or one that had ended.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn end(
    accounts: Data<Accounts>,
    caller: CurrentUser,
    device: Device,
    Path(session): Path<SessionId>,
) -> Result<Envelope<EndedView>, Problem> {
    accounts.end_session(caller.session_id()?, session, device).await?;
    Ok(success_with_message("the session has ended", EndedView { ended: 1 }))
}

/// Signs out everywhere.
#[utoipa::path(
    delete,
    path = "/api/auth/sessions",
    tag = "auth",
    security(("bearer" = [])),
    params(EndSessions),
    responses(
        (status = 200, description = "They have ended. API keys go on.", body = Envelope<EndedView>),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "Not with an API key.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn end_all(
    accounts: Data<Accounts>,
    caller: CurrentUser,
    device: Device,
    Query(which): Query<EndSessions>,
) -> Result<Envelope<EndedView>, Problem> {
    let ended = accounts.end_all_sessions(caller.session_id()?, which.keep_current, device).await?;
    Ok(success_with_message("signed out", EndedView { ended }))
}
