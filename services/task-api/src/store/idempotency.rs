//! What was asked for under which idempotency key.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, IntoSql, OptionalExtension, QueryDsl, QueryResult,
    dsl::{IntervalDsl, exists, not, now},
    sql_query,
    sql_types::{BigInt, Integer, Timestamptz},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::{AccountOwner, TaskId};
use zoetrope_postgres::{Connection, PRUNE_BATCH};

use super::schema::{idempotency_keys, tasks};

/// How long a key is kept.
const KEPT_HOURS: i32 = 24;

/// What a key stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Nothing so far: it belongs to this transaction's task now.
    New,
    /// The task of an earlier request just like this one.
    Repeated(TaskId),
    /// Another request.
    Taken,
}

/// Claims a key for a task. What an earlier owner of the account asked for under it does not count. Of two requests at the same time the second waits here until the first is committed or undone.
pub async fn claim(
    connection: &Connection,
    owner: AccountOwner,
    key: &str,
    fingerprint: &[u8; 32],
    task: TaskId,
) -> QueryResult<Claim> {
    let user = owner.user_id;
    let of_earlier =
        tasks::table.filter(tasks::id.eq(idempotency_keys::task_id).and(tasks::owner_generation.lt(owner.generation.stored())));
    diesel::delete(idempotency_keys::table.find((user.as_uuid(), key)))
        .filter(idempotency_keys::created_at.lt(now.into_sql::<Timestamptz>() - KEPT_HOURS.hours()).or(exists(of_earlier)))
        .execute(&mut &*connection)
        .await?;
    let claimed = diesel::insert_into(idempotency_keys::table)
        .values((
            idempotency_keys::user_id.eq(user.as_uuid()),
            idempotency_keys::key.eq(key),
            idempotency_keys::fingerprint.eq(fingerprint.as_slice()),
            idempotency_keys::task_id.eq(task.as_uuid()),
        ))
        .on_conflict_do_nothing()
        .execute(&mut &*connection)
        .await?;
    if claimed == 1 {
        return Ok(Claim::New);
    }
    let earlier: Option<(Vec<u8>, Uuid)> = idempotency_keys::table
        .find((user.as_uuid(), key))
        .select((idempotency_keys::fingerprint, idempotency_keys::task_id))
        .first(&mut &*connection)
        .await
        .optional()?;
    Ok(match earlier {
        Some((known, task)) if known == fingerprint => Claim::Repeated(TaskId::new(task)),
        // Gone in this very moment, by the hourly sweep: the client's next try finds it free.
        Some(_) | None => Claim::Taken,
    })
}

/// Whether the owner asked for something under this key before: whether [`claim`] would find it.
pub async fn is_known(connection: &Connection, owner: AccountOwner, key: &str) -> QueryResult<bool> {
    let of_earlier =
        tasks::table.filter(tasks::id.eq(idempotency_keys::task_id).and(tasks::owner_generation.lt(owner.generation.stored())));
    let known = idempotency_keys::table
        .find((owner.user_id.as_uuid(), key))
        .filter(idempotency_keys::created_at.ge(now.into_sql::<Timestamptz>() - KEPT_HOURS.hours()))
        .filter(not(exists(of_earlier)));
    diesel::select(exists(known)).get_result(&mut &*connection).await
}

/// Forgets a batch of keys whose time is over; tells how many. One that a request is just claiming anew is left to it.
pub async fn forget_old(connection: &mut Connection) -> QueryResult<usize> {
    sql_query(
        "WITH old AS MATERIALIZED (
             SELECT user_id, key FROM idempotency_keys
             WHERE created_at < now() - make_interval(hours => $1)
             ORDER BY created_at
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         )
         DELETE FROM idempotency_keys AS keys USING old WHERE keys.user_id = old.user_id AND keys.key = old.key",
    )
    .bind::<Integer, _>(KEPT_HOURS)
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}
