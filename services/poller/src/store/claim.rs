use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Double, Nullable, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_postgres::Connection;

use super::row::{CorruptJob, JobRow, OrderRow};
use crate::{
    job::{Ages, Job, State},
    order::Order,
};

/// Which jobs a lane takes.
#[derive(Debug, Clone)]
pub(crate) struct LaneKey {
    providers: Vec<String>,
    /// The jobs of all providers but these.
    others: bool,
    states: Vec<&'static str>,
}

/// A job that is ours until its lease ends.
pub(crate) struct Claimed {
    pub(crate) order: Order,
    pub(crate) job: Job,
    pub(crate) traceparent: Option<String>,
    pub(crate) token: Uuid,
    pub(crate) ages: Ages,
    /// How long after its time it was claimed.
    pub(crate) lateness: Duration,
}

impl LaneKey {
    /// The jobs of one provider.
    pub(crate) fn of(provider: &str, states: impl IntoIterator<Item = State>) -> Self {
        Self::new(vec![provider.to_owned()], false, states)
    }

    /// The jobs whose provider is none of these.
    pub(crate) fn of_others(providers: Vec<String>, states: impl IntoIterator<Item = State>) -> Self {
        Self::new(providers, true, states)
    }

    /// `$1` are the providers. Two texts, because one for both cases could use no index.
    const fn provider_condition(&self) -> &'static str {
        if self.others { "provider <> ALL($1)" } else { "provider = ANY($1)" }
    }

    fn new(providers: Vec<String>, others: bool, states: impl IntoIterator<Item = State>) -> Self {
        Self { providers, others, states: states.into_iter().map(State::as_str).collect() }
    }
}

#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(embed)]
    order: OrderRow,
    #[diesel(embed)]
    job: JobRow,
    #[diesel(sql_type = Nullable<Text>)]
    traceparent: Option<String>,
    #[diesel(sql_type = SqlUuid)]
    token: Uuid,
    #[diesel(sql_type = Double)]
    job_age: f64,
    #[diesel(sql_type = Double)]
    intent_age: f64,
    #[diesel(sql_type = Double)]
    state_age: f64,
    #[diesel(sql_type = Double)]
    lateness: f64,
}

/// Claims due jobs, at most `limit`, for the time of a lease. Rows that another replica is claiming are passed over.
pub(crate) async fn claim(
    conn: &mut Connection,
    lane: &LaneKey,
    limit: usize,
    lease: Duration,
) -> QueryResult<Vec<Result<Claimed, CorruptJob>>> {
    let provider = lane.provider_condition();
    let rows: Vec<ClaimedRow> = diesel::sql_query(format!(
        "WITH due AS (
            SELECT task_id FROM jobs
            WHERE due_at <= now() AND {provider} AND state = ANY($2)
              AND (lease_expires_at IS NULL OR lease_expires_at <= now())
            ORDER BY due_at
            LIMIT $3
            FOR UPDATE SKIP LOCKED
         )
         UPDATE jobs
         SET lease_token = gen_random_uuid(), lease_expires_at = now() + make_interval(secs => $4)
         FROM due
         WHERE jobs.task_id = due.task_id
         RETURNING jobs.*, lease_token AS token,
            extract(epoch FROM now() - created_at)::float8 AS job_age,
            coalesce(extract(epoch FROM now() - intent_at), 0)::float8 AS intent_age,
            extract(epoch FROM now() - state_since)::float8 AS state_age,
            extract(epoch FROM now() - due_at)::float8 AS lateness"
    ))
    .bind::<Array<Text>, _>(&lane.providers)
    .bind::<Array<Text>, _>(&lane.states)
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .bind::<Double, _>(lease.as_secs_f64())
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(Claimed::try_from).collect())
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = Nullable<Double>)]
    wait: Option<f64>,
}

/// Time until the lane's next job is due, or its lease ends. `None` when there is no job.
pub(crate) async fn next_due(conn: &mut Connection, lane: &LaneKey) -> QueryResult<Option<Duration>> {
    let provider = lane.provider_condition();
    let row: DueRow = diesel::sql_query(format!(
        "SELECT extract(epoch FROM min(greatest(due_at, lease_expires_at)) - now())::float8 AS wait
         FROM jobs
         WHERE due_at IS NOT NULL AND {provider} AND state = ANY($2)"
    ))
    .bind::<Array<Text>, _>(&lane.providers)
    .bind::<Array<Text>, _>(&lane.states)
    .get_result(conn)
    .await?;
    Ok(row.wait.map(duration))
}

impl TryFrom<ClaimedRow> for Claimed {
    type Error = CorruptJob;

    fn try_from(row: ClaimedRow) -> Result<Self, CorruptJob> {
        Ok(Self {
            order: row.order.into(),
            job: row.job.try_into()?,
            traceparent: row.traceparent,
            token: row.token,
            ages: Ages { job: duration(row.job_age), intent: duration(row.intent_age), state: duration(row.state_age) },
            lateness: duration(row.lateness),
        })
    }
}

/// Negative for what lies in the past, which is now.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}
