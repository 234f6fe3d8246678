use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Binary, Timestamptz, Uuid as SqlUuid},
    upsert::excluded,
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::{TaskId, TaskStatus, UserId};
use zoetrope_postgres::{Connection, DatabaseError, PRUNE_BATCH};

use super::schema::task_states;
use crate::task::TaskSnapshot;

#[derive(Insertable)]
#[diesel(table_name = task_states)]
struct NewRow<'a> {
    task_id: Uuid,
    user_id: Uuid,
    version: i64,
    status: &'a str,
    payload: &'a [u8],
    updated_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct PayloadRow {
    #[diesel(sql_type = Binary)]
    payload: Vec<u8>,
}

/// Keeps a state and the message that it came in. False when it is no news: the same or a newer version is kept already.
pub async fn save(connection: &mut Connection, task: &TaskSnapshot, payload: &[u8]) -> Result<bool, DatabaseError> {
    // For the WHERE of the update; elsewhere it would compete with QueryDsl.
    use diesel::query_dsl::methods::FilterDsl;

    let row = NewRow {
        task_id: task.task_id.as_uuid(),
        user_id: task.user_id.as_uuid(),
        version: as_bigint(task.version),
        status: task.status.as_str(),
        payload,
        updated_at: task.updated_at,
    };
    let changed = diesel::insert_into(task_states::table)
        .values(row)
        .on_conflict(task_states::task_id)
        .do_update()
        .set((
            task_states::version.eq(excluded(task_states::version)),
            task_states::status.eq(excluded(task_states::status)),
            task_states::payload.eq(excluded(task_states::payload)),
            task_states::updated_at.eq(excluded(task_states::updated_at)),
        ))
        .filter(task_states::version.lt(excluded(task_states::version)))
        .execute(connection)
        .await?;
    Ok(changed > 0)
}

/// The states of these tasks, as far as they are known, in no order.
pub async fn find(connection: &mut Connection, tasks: &[TaskId]) -> Result<Vec<TaskSnapshot>, DatabaseError> {
    let ids: Vec<Uuid> = tasks.iter().map(|task| task.as_uuid()).collect();
    let payloads = task_states::table
        .filter(task_states::task_id.eq_any(ids))
        .select(task_states::payload)
        .load::<Vec<u8>>(connection)
        .await?;
    Ok(decoded(payloads))
}

/// The tasks of these users that have not ended, oldest change first.
pub async fn open_of(connection: &mut Connection, users: &[UserId]) -> Result<Vec<TaskSnapshot>, DatabaseError> {
    let ids: Vec<Uuid> = users.iter().map(|user| user.as_uuid()).collect();
    let payloads = task_states::table
        .filter(task_states::user_id.eq_any(ids))
        .filter(task_states::status.eq_any([TaskStatus::Queued.as_str(), TaskStatus::Processing.as_str()]))
        .order(task_states::updated_at)
        .select(task_states::payload)
        .load::<Vec<u8>>(connection)
        .await?;
    Ok(decoded(payloads))
}

/// The states of those of these tasks that have a newer version than the given one.
pub async fn newer_than(connection: &mut Connection, known: &[(TaskId, u64)]) -> Result<Vec<TaskSnapshot>, DatabaseError> {
    let ids: Vec<Uuid> = known.iter().map(|(task, _)| task.as_uuid()).collect();
    let versions: Vec<i64> = known.iter().map(|(_, version)| as_bigint(*version)).collect();
    let rows: Vec<PayloadRow> = diesel::sql_query(
        "SELECT payload FROM task_states JOIN unnest($1, $2) AS known (task_id, version) USING (task_id)
          WHERE task_states.version > known.version",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<BigInt>, _>(versions)
    .load(connection)
    .await?;
    Ok(decoded(rows.into_iter().map(|row| row.payload)))
}

/// The tasks of these users that changed after a moment, oldest change first.
pub async fn changed_since(
    connection: &mut Connection,
    users: &[UserId],
    moment: DateTime<Utc>,
) -> Result<Vec<TaskSnapshot>, DatabaseError> {
    let ids: Vec<Uuid> = users.iter().map(|user| user.as_uuid()).collect();
    let payloads = task_states::table
        .filter(task_states::user_id.eq_any(ids))
        .filter(task_states::updated_at.gt(moment))
        .order(task_states::updated_at)
        .select(task_states::payload)
        .load::<Vec<u8>>(connection)
        .await?;
    Ok(decoded(payloads))
}

/// Forgets a batch of tasks that ended before a moment; tells how many.
pub async fn forget_ended(connection: &mut Connection, before: DateTime<Utc>) -> QueryResult<usize> {
    diesel::sql_query(
        "WITH old AS MATERIALIZED (
             SELECT task_id FROM task_states
             WHERE status IN ('completed', 'failed', 'cancelled') AND updated_at < $1
             ORDER BY updated_at
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         )
         DELETE FROM task_states USING old WHERE task_states.task_id = old.task_id",
    )
    .bind::<Timestamptz, _>(before)
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}

/// What cannot be read was written by a newer version of this service, and is unknown to this one.
fn decoded(payloads: impl IntoIterator<Item = Vec<u8>>) -> Vec<TaskSnapshot> {
    let decode = |payload: Vec<u8>| match TaskSnapshot::decode(&payload) {
        Ok(task) => Some(task),
        Err(error) => {
            tracing::warn!(%error, "a row of task_states cannot be read");
            None
        }
    };
    payloads.into_iter().filter_map(decode).collect()
}

/// A [`TaskSnapshot`] has none above `i64::MAX`.
fn as_bigint(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
