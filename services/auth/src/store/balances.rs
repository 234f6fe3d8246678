use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_postgres::{DatabaseError, Statement};

use super::schema::signup_grant;
use crate::balances::Balance;

/// What task-api gives to each new user; nothing before it told.
pub async fn signup_grant(connection: &mut AsyncPgConnection) -> Result<i64, DatabaseError> {
    Ok(signup_grant::table.select(signup_grant::credits).first(connection).await.optional()?.unwrap_or_default())
}

pub async fn keep_signup_grant(connection: &mut AsyncPgConnection, credits: i64) -> Result<(), DatabaseError> {
    diesel::insert_into(signup_grant::table)
        .values((signup_grant::is_only.eq(true), signup_grant::credits.eq(credits)))
        .on_conflict(signup_grant::is_only)
        .do_update()
        .set(signup_grant::credits.eq(credits))
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps balances that are newer than what is known, of users who are still there.
pub async fn keep(connection: &mut AsyncPgConnection, told: &[Balance]) -> Result<(), DatabaseError> {
    let users: Vec<Uuid> = told.iter().map(|balance| balance.user.as_uuid()).collect();
    let credits: Vec<i64> = told.iter().map(|balance| balance.credits).collect();
    let entries: Vec<i64> = told.iter().map(|balance| balance.entry).collect();
    // In the order of ids, so that none of two waits for the other that waits for it.
    Statement::new("WITH told AS (SELECT * FROM unnest(")
        .bind::<Array<SqlUuid>, _>(users)
        .sql(", ")
        .bind::<Array<BigInt>, _>(credits)
        .sql(", ")
        .bind::<Array<BigInt>, _>(entries)
        .sql(
            ") AS told (user_id, credits, entry)), news AS MATERIALIZED (
                SELECT users.id, told.credits, told.entry FROM users JOIN told ON told.user_id = users.id
                WHERE users.credits_entry < told.entry ORDER BY users.id FOR NO KEY UPDATE OF users
             )
             UPDATE users SET credits = news.credits, credits_entry = news.entry FROM news
             WHERE users.id = news.id AND users.credits_entry < news.entry",
        )
        .execute(connection)
        .await?;
    Ok(())
}
