use diesel::{
    prelude::*,
    sql_types::{BigInt, Double, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use std::time::Duration;
use uuid::Uuid;
use zoetrope_postgres::Connection;

use super::schema::replicas;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Says that a process is there, forgets those that were silent for longer than `silence`, and counts the others.
pub(crate) async fn report_replica(conn: &mut Connection, id: Uuid, silence: Duration) -> QueryResult<usize> {
    let count: Count = diesel::sql_query(
        "WITH mine AS (
            INSERT INTO replicas (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET seen_at = now()
         ), gone AS (
            DELETE FROM replicas WHERE id <> $1 AND seen_at < now() - make_interval(secs => $2)
         )
         SELECT 1 + count(*) AS number FROM replicas WHERE id <> $1 AND seen_at >= now() - make_interval(secs => $2)",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<Double, _>(silence.as_secs_f64())
    .get_result(conn)
    .await?;
    Ok(usize::try_from(count.number).unwrap_or(1))
}

/// Says that a process is about to end.
pub(crate) async fn sign_off(conn: &mut Connection, id: Uuid) -> QueryResult<()> {
    diesel::delete(replicas::table.find(id)).execute(conn).await?;
    Ok(())
}
