//! What was asked for on streams, so that a client that asks again after a cut finds its task.

use std::time::Duration;

use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, sql_query,
    sql_types::{BigInt, Binary, Double, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::{AccountOwner, TaskId};
use zoetrope_postgres::{Connection, PRUNE_BATCH, Statement};

use super::schema::followed_requests;

/// Takes a request for a task, or finds the task that was made for the same request: one that is followed, or was within `window`. One
/// that was cancelled is nobody's answer, and one of an earlier owner of the account is not this one's. Of two requests at the same time the
/// second waits here until the first is committed or undone.
pub async fn claim(
    connection: &Connection,
    owner: AccountOwner,
    fingerprint: &[u8; 32],
    window: Duration,
    task: TaskId,
) -> QueryResult<Option<TaskId>> {
    let claimed = Statement::new("INSERT INTO followed_requests AS known (user_id, fingerprint, task_id) VALUES (")
        .bind::<SqlUuid, _>(owner.user_id.as_uuid())
        .sql(", ")
        .bind::<Binary, _>(fingerprint.as_slice())
        .sql(", ")
        .bind::<SqlUuid, _>(task.as_uuid())
        .sql(
            ") ON CONFLICT (user_id, fingerprint) DO UPDATE SET task_id = excluded.task_id, followed_at = excluded.followed_at
             WHERE known.followed_at < now() - make_interval(secs => ",
        )
        .bind::<Double, _>(window.as_secs_f64())
        .sql(
            ") OR EXISTS (SELECT FROM tasks WHERE tasks.id = known.task_id
                AND (tasks.status = 'cancelled' OR tasks.owner_generation < ",
        )
        .bind::<BigInt, _>(owner.generation.stored())
        .sql("))")
        .execute(&mut &*connection)
        .await?;
    if claimed == 1 {
        return Ok(None);
    }
    // The row that was left alone is locked, so it is there.
    let earlier: Uuid = followed_requests::table
        .find((owner.user_id.as_uuid(), fingerprint.as_slice()))
        .select(followed_requests::task_id)
        .first(&mut &*connection)
        .await?;
    Ok(Some(TaskId::new(earlier)))
}

/// Notes that a task is being followed.
pub async fn keep(connection: &mut Connection, task: TaskId) -> QueryResult<()> {
    diesel::update(followed_requests::table.filter(followed_requests::task_id.eq(task.as_uuid())))
        .set(followed_requests::followed_at.eq(diesel::dsl::now))
        .execute(connection)
        .await?;
    Ok(())
}

/// The end of a task was told: the same request is a new one from now on.
pub async fn forget(connection: &mut Connection, task: TaskId) -> QueryResult<()> {
    diesel::delete(followed_requests::table.filter(followed_requests::task_id.eq(task.as_uuid()))).execute(connection).await?;
    Ok(())
}

/// Forgets a batch of requests that nobody has followed for an hour; tells how many.
pub async fn forget_old(connection: &mut Connection) -> QueryResult<usize> {
    sql_query(
        "WITH old AS MATERIALIZED (
             SELECT user_id, fingerprint FROM followed_requests
             WHERE followed_at < now() - interval '1 hour'
             ORDER BY followed_at
             LIMIT $1
             FOR UPDATE SKIP LOCKED
         )
         DELETE FROM followed_requests AS requests USING old
         WHERE requests.user_id = old.user_id AND requests.fingerprint = old.fingerprint",
    )
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}
