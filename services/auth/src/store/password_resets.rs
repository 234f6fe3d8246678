use chrono::{DateTime, Utc};
use diesel::{
    dsl::{count_star, max},
    prelude::*,
    sql_query,
    sql_types::BigInt,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::UserId;
use zoetrope_postgres::{DatabaseError, PRUNE_BATCH};

use super::{schema::password_resets, users::LockedUser};
use crate::{credentials::ResetToken, rules::reset::OpenLinks};

/// What is known of a link that was mailed.
pub struct StoredReset {
    pub user_id: UserId,
    pub secret_hash: Vec<u8>,
}

pub async fn insert(
    connection: &mut AsyncPgConnection,
    token: &ResetToken,
    user: UserId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::insert_into(password_resets::table)
        .values((
            password_resets::id.eq(token.id),
            password_resets::user_id.eq(user.as_uuid()),
            password_resets::secret_hash.eq(token.secret_hash()),
            password_resets::created_at.eq(now),
            password_resets::expires_at.eq(expires_at),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// The links of the user that still work.
pub async fn open(connection: &mut AsyncPgConnection, user: UserId, now: DateTime<Utc>) -> Result<OpenLinks, DatabaseError> {
    let (count, latest) = password_resets::table
        .filter(password_resets::user_id.eq(user.as_uuid()).and(password_resets::expires_at.gt(now)))
        .select((count_star(), max(password_resets::created_at)))
        .first(connection)
        .await?;
    Ok(OpenLinks { count, latest })
}

/// The link with this id, unless it was used or has expired.
pub async fn find(
    connection: &mut AsyncPgConnection,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<StoredReset>, DatabaseError> {
    let row: Option<(Uuid, Vec<u8>)> = password_resets::table
        .find(id)
        .filter(password_resets::expires_at.gt(now))
        .select((password_resets::user_id, password_resets::secret_hash))
        .first(connection)
        .await
        .optional()?;
    Ok(row.map(|(user_id, secret_hash)| StoredReset { user_id: UserId::new(user_id), secret_hash }))
}

/// Uses the link up; tells whether it was there to be used.
pub async fn take(connection: &mut AsyncPgConnection, id: Uuid) -> Result<bool, DatabaseError> {
    Ok(diesel::delete(password_resets::table.find(id)).execute(connection).await? == 1)
}

/// A user with a new password needs no link any more, and nobody else is to have one.
/// Tells how many there were.
pub async fn forget_of(connection: &mut AsyncPgConnection, locked: &LockedUser) -> Result<usize, DatabaseError> {
    let own = password_resets::table.filter(password_resets::user_id.eq(locked.user.id.as_uuid()));
    Ok(diesel::delete(own).execute(connection).await?)
}

/// Forgets a batch of links that expired unused; tells how many.
pub async fn forget_old(connection: &mut AsyncPgConnection) -> QueryResult<usize> {
    sql_query(
        "DELETE FROM password_resets WHERE id = ANY (ARRAY(
             SELECT id FROM password_resets
             WHERE expires_at < now()
             ORDER BY expires_at
             LIMIT $1
             FOR UPDATE SKIP LOCKED
         ))",
    )
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}
