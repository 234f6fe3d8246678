use chrono::{DateTime, Utc};
use diesel::{dsl::sql, prelude::*, sql_types::Bool};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use uuid::Uuid;
use zoetrope_postgres::Connection;

use super::schema::jobs;
use crate::job::State;

/// Which jobs are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct JobFilter {
    pub(crate) state: Option<State>,
    pub(crate) provider: Option<String>,
    /// Submissions that nobody confirmed: those that may still turn up, and those that were given up.
    pub(crate) unconfirmed: bool,
}

/// A job as an operator sees it. What was asked for stays out: prompts are nobody else's business.
#[derive(Debug, Clone, Queryable, Selectable, Serialize)]
#[diesel(table_name = jobs, check_for_backend(diesel::pg::Pg))]
pub(crate) struct ListedJob {
    pub(crate) task_id: Uuid,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) state: String,
    pub(crate) state_since: DateTime<Utc>,
    /// When the call to submit was about to be made.
    pub(crate) intent_at: Option<DateTime<Utc>>,
    pub(crate) due_at: Option<DateTime<Utc>>,
    pub(crate) external_id: Option<String>,
    pub(crate) polls: i32,
    pub(crate) failures: i32,
    pub(crate) failure_code: Option<String>,
}

/// Jobs, those first that have been in their state for the shortest time; at most `limit`.
pub(crate) async fn list(conn: &mut Connection, filter: &JobFilter, limit: u32) -> QueryResult<Vec<ListedJob>> {
    let mut query = jobs::table.select(ListedJob::as_select()).order(jobs::state_since.desc()).limit(limit.into()).into_boxed();
    if let Some(state) = filter.state {
        query = query.filter(jobs::state.eq(state.as_str()));
    }
    if let Some(provider) = &filter.provider {
        query = query.filter(jobs::provider.eq(provider));
    }
    if filter.unconfirmed {
        // As in the index of these.
        query = query.filter(sql::<Bool>("(state = 'unconfirmed' OR failure_code = 'SUBMISSION_UNCONFIRMED')"));
    }
    query.load(conn).await
}
