use actix_web::web::Data;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use zoetrope_domain::UserId;
use zoetrope_http::{
    CurrentUser, FieldError, Path, Problem, ProblemBody, Query,
    envelope::{Envelope, success},
    iso_millis,
};
use zoetrope_tokens::Role;

use crate::accounts::{Accounts, EventPage, PastEvent};

const DEFAULT_PAGE_SIZE: u32 = 20;
const LARGEST_PAGE_SIZE: u32 = 100;

/// Which page is wanted. An empty parameter counts as absent.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct SecurityEventQuery {
    /// From 1.
    #[param(minimum = 1, maximum = 4294967295u32, format = Int64, default = 1)]
    page: Option<u32>,
    #[param(minimum = 1, maximum = 100, default = 20)]
    page_size: Option<u32>,
}

impl TryFrom<SecurityEventQuery> for EventPage {
    type Error = Vec<FieldError>;

    fn try_from(query: SecurityEventQuery) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let page = query.page.unwrap_or(1);
        if page == 0 {
            errors.push(FieldError::new("page", "must be 1 or more"));
        }
        let page_size = query.page_size.unwrap_or(DEFAULT_PAGE_SIZE);
        if !(1..=LARGEST_PAGE_SIZE).contains(&page_size) {
            errors.push(FieldError::new("pageSize", format!("must be from 1 to {LARGEST_PAGE_SIZE}")));
        }
        if errors.is_empty() { Ok(Self { page, page_size }) } else { Err(errors) }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecurityEventView {
    id: Uuid,
    /// `account_created`, `sign_in`, `identity_linked`, `taken_over`, `sign_in_failed`, `refresh_token_reused`, `password_changed`,
    /// `password_reset`, `email_change_asked`, `email_changed`, `username_changed`, `api_key_created`, `api_key_revoked`, `session_ended`,
    /// `suspended`, `reinstated`, `role_changed` or `deleted`.
    #[schema(example = "sign_in")]
    kind: String,
    /// What it is about: `session:` or `api_key:` and an id, `role:` and a role, `provider:` and who vouches, or
    /// of a take-over `dropped:` and what came to an end with it.
    subject: Option<String>,
    /// Where the request came from, if there was one.
    #[schema(example = "192.0.2.7")]
    address: Option<String>,
    /// What its client calls itself.
    device: Option<String>,
    /// How many this stands for: sessions that ended at once, or failures of an hour.
    count: i32,
    /// The first of them.
    #[serde(serialize_with = "iso_millis")]
    happened_at: DateTime<Utc>,
    /// The last of them, of which address and device tell.
    #[serde(serialize_with = "iso_millis")]
    last_at: DateTime<Utc>,
}

/// One page of what happened to an account.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecurityEventList {
    events: Vec<SecurityEventView>,
    /// On all pages.
    total: i64,
    #[schema(format = Int64)]
    page: u32,
    page_size: u32,
}

impl From<PastEvent> for SecurityEventView {
    fn from(event: PastEvent) -> Self {
        let PastEvent { id, kind, subject, address, device, happened_at, last_at, count } = event;
        Self { id, kind, subject, address, device, count, happened_at, last_at }
    }
}

/// What happened to a user's account, for administrators.
///
/// Sign-ins, failures, passwords, keys, sessions, suspension and role, the newest first. Failures show within seconds, all else at once. Kept
/// for 180 days, unless configured otherwise.
#[utoipa::path(
    get,
    path = "/api/admin/users/{userId}/security-events",
    tag = "admin",
    security(("bearer" = [])),
    params(("userId" = Uuid, Path), SecurityEventQuery),
    responses(
        (status = 200, description = "A page of events.", body = Envelope<SecurityEventList>),
        (status = 400, description = "A parameter is wrong.", body = ProblemBody),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 403, description = "For administrators who signed in.", body = ProblemBody),
        (status = 404, description = "No such user.", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn list(
    accounts: Data<Accounts>,
    caller: CurrentUser,
    Path(user): Path<UserId>,
    Query(query): Query<SecurityEventQuery>,
) -> Result<Envelope<SecurityEventList>, Problem> {
    // A role that was taken away lives on in tokens for a while.
    if accounts.user_of(&caller).await?.role != Role::Admin {
        return Err(Problem::forbidden("this is for administrators"));
    }
    let page = EventPage::try_from(query).map_err(Problem::validation)?;
    let (events, total) = accounts.security_events(user, page).await?;
    let events = events.into_iter().map(SecurityEventView::from).collect();
    Ok(success(SecurityEventList { events, total, page: page.page, page_size: page.page_size }))
}
