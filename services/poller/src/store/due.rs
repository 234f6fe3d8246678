use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{Array, Double, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use zoetrope_postgres::{Connection, Statement};

use super::{
    claim::duration,
    lane::{LaneKey, states_of},
};
use crate::job::Work;

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = Nullable<Double>)]
    wait: Option<f64>,
}

/// Time until the lane's next job is due, or the lease of one that is due ends. `None` when there is no job.
///
/// Reads one entry of the lane's index, and those of the jobs that are being worked on.
pub(crate) async fn next_due(conn: &mut Connection, lane: &LaneKey) -> QueryResult<Option<Duration>> {
    let states = lane.states();
    let row: DueRow = Statement::new("SELECT extract(epoch FROM least((SELECT due_at FROM jobs WHERE provider = ")
        .bind::<Text, _>(&lane.provider)
        .sql(format!(
            " AND {states} AND due_at > now() ORDER BY due_at LIMIT 1),
             (SELECT min(greatest(lease_expires_at, now())) FROM jobs WHERE provider = "
        ))
        .bind::<Text, _>(&lane.provider)
        .sql(format!(" AND {states} AND due_at <= now())) - now())::float8 AS wait"))
        .get_result(conn)
        .await?;
    Ok(row.wait.map(duration))
}

#[derive(QueryableByName)]
struct ProviderRow {
    #[diesel(sql_type = Text)]
    provider: String,
}

/// The providers that have such work waiting, other than these. Jumps from one provider to the next, however many jobs they have.
pub(crate) async fn strangers(conn: &mut Connection, known: &[String], work: Work) -> QueryResult<Vec<String>> {
    let states = states_of(work);
    let rows: Vec<ProviderRow> = diesel::sql_query(format!(
        "WITH RECURSIVE found (provider) AS (
            (SELECT provider FROM jobs WHERE {states} ORDER BY provider LIMIT 1)
            UNION ALL
            SELECT (SELECT provider FROM jobs WHERE {states} AND provider > found.provider ORDER BY provider LIMIT 1)
            FROM found WHERE found.provider IS NOT NULL
         )
         SELECT provider FROM found WHERE provider <> ALL ($1)"
    ))
    .bind::<Array<Text>, _>(known)
    .load(conn)
    .await?;
    Ok(rows.into_iter().map(|row| row.provider).collect())
}
