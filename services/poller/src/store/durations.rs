use std::time::Duration;

use diesel::{
    prelude::*,
    sql_types::{BigInt, Double, Text},
};
use diesel_async::RunQueryDsl;
use zoetrope_postgres::Connection;

use super::claim::duration;

/// How long a model usually takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) duration: Duration,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = Text)]
    model: String,
    #[diesel(sql_type = Double)]
    seconds: f64,
}

/// The median time from acceptance to the end, of each model among the last `sample` jobs that a provider finished.
pub(crate) async fn observed(conn: &mut Connection, sample: u32) -> QueryResult<Vec<Observed>> {
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT provider, model, percentile_cont(0.5) WITHIN GROUP (ORDER BY generation_seconds) AS seconds
         FROM (
            SELECT provider, model, generation_seconds FROM jobs
            WHERE due_at IS NULL ORDER BY state_since DESC LIMIT $1
         ) AS latest
         WHERE generation_seconds IS NOT NULL
         GROUP BY provider, model",
    )
    .bind::<BigInt, _>(i64::from(sample))
    .load(conn)
    .await?;
    let observed = |row: Row| Observed { provider: row.provider, model: row.model, duration: duration(row.seconds) };
    Ok(rows.into_iter().map(observed).collect())
}
