use diesel::{
    dsl::{IntervalDsl, now},
    prelude::*,
    sql_types::Timestamptz,
};
use diesel_async::RunQueryDsl;
use zoetrope_domain::TaskId;
use zoetrope_postgres::{Connection, PRUNE_BATCH};

use super::{record::record_late, row::OrderRow, schema::jobs};
use crate::{
    error::StoreError,
    job::{Failure, FailureCode, Job, State},
    order::Order,
};

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Taken on, and due at once.
    New,
    /// It is known already, or was cancelled before it came; nothing changed.
    Known,
    /// So old that its job may have been forgotten, and may have been submitted before that. It failed.
    TooOld,
}

/// Takes a job on. `keep_days` is how long jobs are remembered: an older order is not submitted, because nobody knows any more whether it
/// was. To be called within a transaction.
pub(crate) async fn admit(
    conn: &mut Connection,
    order: Order,
    traceparent: Option<String>,
    keep_days: u16,
) -> Result<Admission, StoreError> {
    let task_id = order.task_id;
    let inserted: Option<bool> = diesel::insert_into(jobs::table)
        .values((
            OrderRow::from(order),
            jobs::traceparent.eq(traceparent.clone()),
            jobs::state.eq(State::Pending.as_str()),
            jobs::due_at.eq(now),
        ))
        .on_conflict(jobs::task_id)
        .do_nothing()
        .returning(jobs::ordered_at.lt(now.into_sql::<Timestamptz>() - i32::from(keep_days).days()))
        .get_result(conn)
        .await
        .optional()?;
    match inserted {
        None => Ok(Admission::Known),
        Some(false) => Ok(Admission::New),
        Some(true) => {
            let step = Job::new().fail(Failure::of(FailureCode::TooOld));
            record_late(conn, task_id, step, traceparent).await?;
            Ok(Admission::TooOld)
        }
    }
}

/// What was asked for.
pub(crate) async fn order(conn: &mut Connection, task_id: TaskId) -> QueryResult<Order> {
    let row: OrderRow = jobs::table.find(task_id.as_uuid()).select(OrderRow::as_select()).first(conn).await?;
    Ok(row.into())
}

/// Forgets jobs that ended long ago, at most [`PRUNE_BATCH`]; tells how many. By the age of the order, too: see [`admit`].
pub(crate) async fn forget(conn: &mut Connection, keep_days: u16) -> QueryResult<usize> {
    diesel::sql_query(
        "DELETE FROM jobs WHERE task_id = ANY (ARRAY(
            SELECT task_id FROM jobs
            WHERE due_at IS NULL AND state_since < now() - make_interval(days => $1)
              AND ordered_at < now() - make_interval(days => $1)
            LIMIT $2
            FOR UPDATE SKIP LOCKED
         ))",
    )
    .bind::<diesel::sql_types::Integer, _>(i32::from(keep_days))
    .bind::<diesel::sql_types::BigInt, _>(PRUNE_BATCH)
    .execute(conn)
    .await
}
