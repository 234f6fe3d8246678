//! What the tables need not know any more.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Timestamptz},
};
use diesel_async::RunQueryDsl;
use zoetrope_postgres::{Connection, PRUNE_BATCH};

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Forgets a batch of tasks that ended before a moment, and notes in the feeds of their owners up to which place something is missing now;
/// tells how many.
pub async fn forget_ended(connection: &mut Connection, before: DateTime<Utc>) -> QueryResult<usize> {
    let forgotten: CountRow = diesel::sql_query(
        "WITH old AS MATERIALIZED (
             SELECT task_id FROM task_states
             WHERE status IN ('completed', 'failed', 'cancelled') AND updated_at < $1
             ORDER BY updated_at
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         ), gone AS (
             DELETE FROM task_states USING old WHERE task_states.task_id = old.task_id RETURNING user_id, position
         ), floors AS (
             INSERT INTO feeds (user_id, floor)
             SELECT user_id, max(position) FROM gone GROUP BY user_id ORDER BY user_id
             ON CONFLICT (user_id) DO UPDATE SET floor = greatest(feeds.floor, excluded.floor)
         )
         SELECT count(*) AS count FROM gone",
    )
    .bind::<Timestamptz, _>(before)
    .bind::<BigInt, _>(PRUNE_BATCH)
    .get_result(connection)
    .await?;
    Ok(usize::try_from(forgotten.count).unwrap_or_default())
}

/// Closes, in a batch of feeds, the gaps that were noticed before a moment: their messages are lost for good. Notes the other gaps. Tells how
/// many feeds there were.
pub async fn close_gaps(connection: &mut Connection, noticed_before: DateTime<Utc>) -> QueryResult<usize> {
    diesel::sql_query(
        "WITH gaping AS MATERIALIZED (
             SELECT user_id FROM feeds
             WHERE CASE WHEN gap_below IS NULL THEN heard <> int8multirange(int8range(1, upper(heard))) ELSE gap_noticed_at < $1 END
             ORDER BY user_id
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         )
         UPDATE feeds SET
             heard = CASE WHEN gap_below IS NULL THEN heard ELSE heard + int8multirange(int8range(1, gap_below)) END,
             gap_below = CASE WHEN gap_below IS NULL THEN upper(heard) END,
             gap_noticed_at = CASE WHEN gap_below IS NULL THEN now() END
         FROM gaping WHERE feeds.user_id = gaping.user_id",
    )
    .bind::<Timestamptz, _>(noticed_before)
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}
