//! The background audit: whose turn it is, and what the last one found. The table has one row.

use std::time::Duration;

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    result::Error,
    sql_query,
    sql_types::{Double, Jsonb, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use uuid::Uuid;
use zoetrope_postgres::Connection;

use crate::audit::Report;

/// Takes the turn for the time of a lease, if the last audit was finished `interval` ago and nobody has the turn; tells whether it did.
pub async fn begin(connection: &mut Connection, token: Uuid, lease: Duration, interval: Duration) -> QueryResult<bool> {
    let taken = sql_query(
        "UPDATE audits SET lease_token = $1, lease_expires_at = clock_timestamp() + make_interval(secs => $2)
         WHERE (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
           AND (finished_at IS NULL OR finished_at <= clock_timestamp() - make_interval(secs => $3))",
    )
    .bind::<SqlUuid, _>(token)
    .bind::<Double, _>(lease.as_secs_f64())
    .bind::<Double, _>(interval.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(taken == 1)
}

/// Keeps the turn; false if it was lost.
pub async fn renew(connection: &mut Connection, token: Uuid, lease: Duration) -> QueryResult<bool> {
    let renewed = sql_query(
        "UPDATE audits SET lease_expires_at = clock_timestamp() + make_interval(secs => $2)
         WHERE lease_token = $1 AND lease_expires_at > clock_timestamp()",
    )
    .bind::<SqlUuid, _>(token)
    .bind::<Double, _>(lease.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(renewed == 1)
}

/// Gives the turn back with what was found. Who has lost the turn changes nothing.
pub async fn finish(connection: &mut Connection, token: Uuid, report: &Report) -> QueryResult<()> {
    let report = serde_json::to_value(report).map_err(|error| Error::SerializationError(Box::new(error)))?;
    sql_query(
        "UPDATE audits SET report = $2, finished_at = clock_timestamp(), lease_token = NULL, lease_expires_at = NULL
         WHERE lease_token = $1",
    )
    .bind::<SqlUuid, _>(token)
    .bind::<Jsonb, _>(report)
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Jsonb)]
    report: Value,
}

/// What the last audit found; none before the first, and when another version wrote what cannot be read here.
pub async fn last(connection: &mut Connection) -> QueryResult<Option<Report>> {
    let row: Option<Row> =
        sql_query("SELECT report FROM audits WHERE report IS NOT NULL").get_result(connection).await.optional()?;
    Ok(row.and_then(|row| serde_json::from_value(row.report).ok()))
}
