use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Double, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::TaskId;
use zoetrope_postgres::{Connection, Statement};

use super::{
    lane::LaneKey,
    row::{CorruptJob, JobRow},
};
use crate::job::{Ages, Job};

/// A job that is ours until its lease ends.
pub(crate) struct Claimed {
    pub(crate) task_id: TaskId,
    pub(crate) provider: String,
    /// Public model name.
    pub(crate) model: String,
    /// In the domain's words.
    pub(crate) kind: String,
    pub(crate) job: Job,
    pub(crate) traceparent: Option<String>,
    /// Of the claim, which may have taken other jobs as well.
    pub(crate) token: Uuid,
    pub(crate) ages: Ages,
    /// How long after its time it was claimed.
    pub(crate) lateness: Duration,
}

#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(sql_type = SqlUuid)]
    task_id: Uuid,
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = Text)]
    model: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(embed)]
    job: JobRow,
    #[diesel(sql_type = Nullable<Text>)]
    traceparent: Option<String>,
    #[diesel(sql_type = Double)]
    job_age: f64,
    #[diesel(sql_type = Double)]
    intent_age: f64,
    #[diesel(sql_type = Double)]
    state_age: f64,
    #[diesel(sql_type = Double)]
    lateness: f64,
}

/// What a claim took. A row that cannot be read is an error of its own, and waits for its lease to end.
pub(crate) type Claims = Vec<Result<Claimed, CorruptJob>>;

/// Claims due jobs, at most `limit`, for the time of a lease, the longest due first. Rows that another replica is claiming are passed over.
pub(crate) async fn claim(conn: &mut Connection, lane: &LaneKey, limit: usize, lease: Duration) -> QueryResult<Claims> {
    claim_where(conn, lane, limit, lease, "").await
}

/// [`claim`], of jobs that `condition` (SQL text, nothing of a user's) holds for as well.
pub(super) async fn claim_where(
    conn: &mut Connection,
    lane: &LaneKey,
    limit: usize,
    lease: Duration,
    condition: &str,
) -> QueryResult<Claims> {
    let states = lane.states();
    let token = Uuid::new_v4();
    // The array, and not a join: whatever Postgres believes of the number of due rows, it finds them by their key. The states are text, and
    // no parameters, because a statement that is prepared for any value could not use the index of one kind of work.
    let rows: Vec<ClaimedRow> = Statement::new("UPDATE jobs SET lease_token = ")
        .bind::<SqlUuid, _>(token)
        .sql(", lease_expires_at = now() + make_interval(secs => ")
        .bind::<Double, _>(lease.as_secs_f64())
        .sql(
            ")
             WHERE task_id = ANY (ARRAY(
                SELECT task_id FROM jobs WHERE provider = ",
        )
        .bind::<Text, _>(&lane.provider)
        .sql(format!(
            " AND {states} AND due_at <= now()
                  AND (lease_expires_at IS NULL OR lease_expires_at <= now()) {condition}
                ORDER BY due_at
                LIMIT "
        ))
        .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
        .sql(
            " FOR UPDATE SKIP LOCKED
             ))
             RETURNING task_id, provider, model, kind, traceparent,
                state, external_id, phase, progress, sequence, polls, failures, failure_code,
                extract(epoch FROM now() - created_at)::float8 AS job_age,
                coalesce(extract(epoch FROM now() - intent_at), 0)::float8 AS intent_age,
                extract(epoch FROM now() - state_since)::float8 AS state_age,
                extract(epoch FROM now() - due_at)::float8 AS lateness",
        )
        .load(conn)
        .await?;
    Ok(rows.into_iter().map(|row| row.claimed(token)).collect())
}

impl ClaimedRow {
    fn claimed(self, token: Uuid) -> Result<Claimed, CorruptJob> {
        Ok(Claimed {
            task_id: self.task_id.into(),
            provider: self.provider,
            model: self.model,
            kind: self.kind,
            job: self.job.try_into()?,
            traceparent: self.traceparent,
            token,
            ages: Ages { job: duration(self.job_age), intent: duration(self.intent_age), state: duration(self.state_age) },
            lateness: duration(self.lateness),
        })
    }
}

/// Negative for what lies in the past, which is now.
pub(super) fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}
