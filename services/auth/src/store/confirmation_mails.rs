use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Integer},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use zoetrope_domain::UserId;
use zoetrope_postgres::{DatabaseError, PRUNE_BATCH};

use super::schema::confirmation_mails;

/// When the user was mailed one, or asked for one, since then.
pub async fn asked(
    connection: &mut AsyncPgConnection,
    user: UserId,
    since: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, DatabaseError> {
    let own = confirmation_mails::table.filter(confirmation_mails::user_id.eq(user.as_uuid()));
    let recent = own.filter(confirmation_mails::asked_at.gt(since)).select(confirmation_mails::asked_at);
    Ok(recent.load(connection).await?)
}

/// Notes that the user is mailed one now.
pub async fn note(connection: &mut AsyncPgConnection, user: UserId, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    diesel::insert_into(confirmation_mails::table)
        .values((confirmation_mails::user_id.eq(user.as_uuid()), confirmation_mails::asked_at.eq(now)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets a batch of what was asked so long ago; tells how many.
pub async fn forget_old(connection: &mut AsyncPgConnection, kept_days: i32) -> QueryResult<usize> {
    sql_query(
        "DELETE FROM confirmation_mails WHERE (user_id, asked_at) IN (
             SELECT user_id, asked_at FROM confirmation_mails
             WHERE asked_at < now() - make_interval(days => $1)
             ORDER BY asked_at
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         )",
    )
    .bind::<Integer, _>(kept_days)
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}
