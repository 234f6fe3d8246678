//! What is left of users who are gone.
//!
//! Accounts, ledger and tasks stay, so that every balance is the sum of its ledger; what a user wrote goes, and the id leads to nobody.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryResult,
    sql_types::{Array, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::{TaskId, TaskStatus, UserId};
use zoetrope_postgres::{Connection, Statement};

use super::schema::{accounts, followed_requests, idempotency_keys, tasks};

/// Marks the account of a user who is gone: nothing is bought from it any more. One that is not open yet never will be.
pub async fn mark_deleted(connection: &mut Connection, user: UserId) -> QueryResult<()> {
    Statement::new("INSERT INTO accounts (user_id, balance, deleted_at) VALUES (")
        .bind::<SqlUuid, _>(user.as_uuid())
        .sql(", 0, now()) ON CONFLICT (user_id) DO UPDATE SET deleted_at = now() WHERE accounts.deleted_at IS NULL")
        .execute(connection)
        .await?;
    Ok(())
}

/// Users who are gone and not erased, those first who have waited longest.
pub async fn waiting(connection: &mut Connection, limit: i64) -> QueryResult<Vec<UserId>> {
    let ids: Vec<Uuid> = accounts::table
        .filter(accounts::deleted_at.is_not_null().and(accounts::erased_at.is_null()))
        .order(accounts::deleted_at)
        .limit(limit)
        .select(accounts::user_id)
        .load(connection)
        .await?;
    Ok(ids.into_iter().map(UserId::new).collect())
}

/// The user's tasks that have not ended, and of which nobody has asked the end.
pub async fn running(connection: &mut Connection, user: UserId) -> QueryResult<Vec<TaskId>> {
    let ids: Vec<Uuid> = tasks::table
        .filter(
            tasks::user_id.eq(user.as_uuid()).and(tasks::status.eq_any(words(false))).and(tasks::cancel_requested_at.is_null()),
        )
        .select(tasks::id)
        .load(connection)
        .await?;
    Ok(ids.into_iter().map(TaskId::new).collect())
}

/// The user's tasks that have ended and are not erased.
pub async fn ended(connection: &mut Connection, user: UserId) -> QueryResult<Vec<TaskId>> {
    let ids: Vec<Uuid> = tasks::table
        .filter(tasks::user_id.eq(user.as_uuid()).and(tasks::status.eq_any(words(true))).and(tasks::erased_at.is_null()))
        .select(tasks::id)
        .load(connection)
        .await?;
    Ok(ids.into_iter().map(TaskId::new).collect())
}

/// Takes out of ended tasks what the user wrote and what could lead to it. Their files must be deleted by then.
pub async fn erase_tasks(connection: &mut Connection, ids: &[TaskId]) -> QueryResult<()> {
    Statement::new(
        "UPDATE tasks SET erased_at = now(), prompt = '', input = input - 'reference_image', output = output - 'video_sha256',
             external_id = NULL, client_request_id = NULL, callback_url = NULL,
             error_message = CASE WHEN error_message IS NOT NULL THEN '' END
         WHERE status IN ('completed', 'failed', 'cancelled') AND id = ANY (",
    )
    .bind::<Array<SqlUuid>, _>(ids.iter().map(|id| id.as_uuid()).collect::<Vec<_>>())
    .sql(")")
    .execute(connection)
    .await?;
    Ok(())
}

/// Erases what else there is of the user, and notes that nothing is left. False: a task is. To be called within a transaction.
pub async fn finish(connection: &mut Connection, user: UserId) -> QueryResult<bool> {
    let user = user.as_uuid();
    diesel::delete(idempotency_keys::table.filter(idempotency_keys::user_id.eq(user))).execute(connection).await?;
    diesel::delete(followed_requests::table.filter(followed_requests::user_id.eq(user))).execute(connection).await?;
    let left = tasks::table.filter(tasks::user_id.eq(user).and(tasks::erased_at.is_null()));
    let finished = diesel::update(accounts::table.find(user))
        .filter(accounts::erased_at.is_null().and(diesel::dsl::not(diesel::dsl::exists(left))))
        .set(accounts::erased_at.eq(diesel::dsl::now))
        .execute(connection)
        .await?;
    Ok(finished == 1)
}

fn words(ended: bool) -> impl Iterator<Item = &'static str> {
    TaskStatus::ALL.iter().filter(move |status| status.is_terminal() == ended).map(|status| status.as_str())
}
