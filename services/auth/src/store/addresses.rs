use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use zoetrope_domain::UserId;
use zoetrope_postgres::DatabaseError;

use super::{
    schema::users,
    users::{InsertError, LockedUser, refused},
};
use crate::{accounts::Acting, rules::login::key};

/// An address that a user has asked for and not confirmed yet.
#[derive(Queryable)]
pub struct PendingAddress {
    pub email: String,
    /// Of the link that was mailed there.
    pub expires_at: DateTime<Utc>,
}

pub async fn pending(connection: &mut AsyncPgConnection, user: UserId) -> Result<Option<PendingAddress>, DatabaseError> {
    let pending = users::pending_email.is_not_null().and(users::pending_email_until.is_not_null());
    Ok(users::table
        .find(user.as_uuid())
        .filter(pending)
        .select((users::pending_email.assume_not_null(), users::pending_email_until.assume_not_null()))
        .first(connection)
        .await
        .optional()?)
}

/// Notes what the user asks for, in place of what the user asked for before.
pub async fn ask(connection: &mut AsyncPgConnection, acting: &Acting, asked: &PendingAddress) -> Result<(), DatabaseError> {
    diesel::update(users::table.find(acting.user.id.as_uuid()))
        .set((users::pending_email.eq(&asked.email), users::pending_email_until.eq(asked.expires_at)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Tells whether there was one.
pub async fn forget_pending(connection: &mut AsyncPgConnection, locked: &LockedUser) -> Result<bool, DatabaseError> {
    let asked = users::table.find(locked.user.id.as_uuid()).filter(users::pending_email.is_not_null());
    let forgotten = diesel::update(asked)
        .set((users::pending_email.eq(None::<String>), users::pending_email_until.eq(None::<DateTime<Utc>>)))
        .execute(connection)
        .await?;
    Ok(forgotten > 0)
}

/// The user has no address any more, and asks for none.
pub async fn release(connection: &mut AsyncPgConnection, locked: &LockedUser) -> Result<(), DatabaseError> {
    diesel::update(users::table.find(locked.user.id.as_uuid()))
        .set((
            users::email.eq(None::<String>),
            users::email_key.eq(None::<String>),
            users::email_verified_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(connection)
        .await?;
    forget_pending(connection, locked).await?;
    Ok(())
}

/// The same address in other letters. It stays verified if it was.
pub async fn spell(connection: &mut AsyncPgConnection, locked: &LockedUser, email: &str) -> Result<(), DatabaseError> {
    diesel::update(users::table.find(locked.user.id.as_uuid()).filter(users::email_key.eq(key(email))))
        .set(users::email.eq(email))
        .execute(connection)
        .await?;
    forget_pending(connection, locked).await?;
    Ok(())
}

/// The user has another address from now on, and none is pending.
pub async fn set(
    connection: &mut AsyncPgConnection,
    locked: &LockedUser,
    email: &str,
    verified_at: Option<DateTime<Utc>>,
) -> Result<(), InsertError> {
    diesel::update(users::table.find(locked.user.id.as_uuid()))
        .set((users::email.eq(email), users::email_key.eq(key(email)), users::email_verified_at.eq(verified_at)))
        .execute(connection)
        .await
        .map_err(refused)?;
    forget_pending(connection, locked).await.map_err(InsertError::Database)?;
    Ok(())
}
