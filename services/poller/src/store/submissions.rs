use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};
use diesel_async::RunQueryDsl;
use zoetrope_postgres::Connection;

use super::{
    claim::{Claims, claim},
    lane::LaneKey,
};

/// What a provider account bears, over all replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Submissions under way.
    pub(crate) submissions: usize,
    /// Jobs that the provider has, or may have, and has not finished; `None`: any number.
    pub(crate) jobs: Option<usize>,
}

/// Claims jobs to submit like [`claim`], but no more than the account has room for. To be called within a transaction: other replicas wait
/// until it ends, so that together they do not exceed the capacity.
pub(crate) async fn claim_submissions(
    conn: &mut Connection,
    lane: &LaneKey,
    capacity: Capacity,
    limit: usize,
    lease: Duration,
) -> QueryResult<Claims> {
    diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended('submit ' || $1, 0))")
        .bind::<Text, _>(&lane.provider)
        .execute(conn)
        .await?;
    let submitting = submitting(conn, &lane.provider).await?;
    let mut room = limit.min(capacity.submissions.saturating_sub(submitting));
    if let Some(jobs) = capacity.jobs
        && room > 0
    {
        // What is being submitted will be with the provider in a moment.
        room = room.min(jobs.saturating_sub(submitting).saturating_sub(with_provider(conn, &lane.provider, jobs).await?));
    }
    if room == 0 { Ok(Vec::new()) } else { claim(conn, lane, room, lease).await }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Count {
    fn get(&self) -> usize {
        usize::try_from(self.number).unwrap_or(0)
    }
}

async fn submitting(conn: &mut Connection, provider: &str) -> QueryResult<usize> {
    let count: Count = diesel::sql_query(
        "SELECT count(*) AS number FROM jobs
         WHERE provider = $1 AND state IN ('pending', 'submitting') AND lease_expires_at > now()",
    )
    .bind::<Text, _>(provider)
    .get_result(conn)
    .await?;
    Ok(count.get())
}

/// Counting stops at `enough`.
async fn with_provider(conn: &mut Connection, provider: &str, enough: usize) -> QueryResult<usize> {
    let count: Count = diesel::sql_query(
        "SELECT count(*) AS number FROM (
            SELECT FROM jobs
            WHERE provider = $1 AND state IN ('unconfirmed', 'polling', 'cancelling') LIMIT $2
         ) AS known",
    )
    .bind::<Text, _>(provider)
    .bind::<BigInt, _>(i64::try_from(enough).unwrap_or(i64::MAX))
    .get_result(conn)
    .await?;
    Ok(count.get())
}
