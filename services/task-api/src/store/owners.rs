//! The owners that an account has had, one after the other.

use diesel::{
    QueryResult,
    prelude::*,
    sql_types::{BigInt, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use zoetrope_domain::{AccountOwner, OwnerGeneration, UserId};
use zoetrope_postgres::{Connection, Statement};

use super::schema::accounts;

/// Remembers an owner, unless a later one is known. The account must be open.
pub async fn enter(connection: &mut Connection, owner: AccountOwner) -> QueryResult<()> {
    diesel::update(accounts::table.find(owner.user_id.as_uuid()))
        .filter(accounts::owner_generation.lt(owner.generation.stored()))
        .set(accounts::owner_generation.eq(owner.generation.stored()))
        .execute(connection)
        .await?;
    Ok(())
}

/// The newest generation that is known of an account, which is locked until the transaction ends.
pub async fn lock_newest(connection: &Connection, user: UserId) -> QueryResult<OwnerGeneration> {
    let newest: Option<i64> = accounts::table
        .find(user.as_uuid())
        .select(accounts::owner_generation)
        .for_no_key_update()
        .first(&mut &*connection)
        .await
        .optional()?;
    Ok(newest.map_or(OwnerGeneration::FIRST, OwnerGeneration::read))
}

/// The tasks of earlier owners call nowhere any more; tells how many did.
pub async fn forget_callbacks(connection: &mut Connection, owner: AccountOwner) -> QueryResult<usize> {
    Statement::new("UPDATE tasks SET callback_url = NULL WHERE callback_url IS NOT NULL AND user_id = ")
        .bind::<SqlUuid, _>(owner.user_id.as_uuid())
        .sql(" AND owner_generation < ")
        .bind::<BigInt, _>(owner.generation.stored())
        .execute(connection)
        .await
}

/// What earlier owners asked for is no answer to what this one asks.
pub async fn forget_requests(connection: &mut Connection, owner: AccountOwner) -> QueryResult<()> {
    for table in ["idempotency_keys", "followed_requests"] {
        Statement::new(format!("DELETE FROM {table} AS asked USING tasks WHERE tasks.id = asked.task_id AND asked.user_id = "))
            .bind::<SqlUuid, _>(owner.user_id.as_uuid())
            .sql(" AND tasks.owner_generation < ")
            .bind::<BigInt, _>(owner.generation.stored())
            .execute(connection)
            .await?;
    }
    Ok(())
}
