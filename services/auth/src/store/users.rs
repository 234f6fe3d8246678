use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::{SessionId, UserId};
use zoetrope_postgres::DatabaseError;

use super::schema::{sessions, users};
use crate::{
    accounts::{User, UserState},
    rules::login::{Identifier, key},
};

/// A user could not be added.
#[derive(Debug)]
pub enum InsertError {
    Taken(Unique),
    Database(DatabaseError),
}

/// What no two users share.
#[derive(Debug, Clone, Copy)]
pub enum Unique {
    Username,
    Email,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(super) struct UserRow {
    id: Uuid,
    username: String,
    email: Option<String>,
    role: String,
    created_at: DateTime<Utc>,
}

impl TryFrom<UserRow> for User {
    type Error = DatabaseError;

    fn try_from(row: UserRow) -> Result<Self, DatabaseError> {
        let role = row.role.parse().map_err(|error| Error::DeserializationError(Box::new(error)))?;
        let UserRow { id, username, email, created_at, .. } = row;
        Ok(Self { id: UserId::new(id), username, email, role, created_at })
    }
}

pub async fn insert(connection: &mut AsyncPgConnection, user: &User, password_hash: &str) -> Result<(), InsertError> {
    diesel::insert_into(users::table)
        .values((
            users::id.eq(user.id.as_uuid()),
            users::username.eq(&user.username),
            users::username_key.eq(key(&user.username)),
            users::email.eq(&user.email),
            users::email_key.eq(user.email.as_deref().map(key)),
            users::password_hash.eq(password_hash),
            users::role.eq(user.role.as_str()),
            users::created_at.eq(user.created_at),
        ))
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(|error| taken(&error).map_or_else(|| InsertError::Database(error.into()), InsertError::Taken))
}

/// What a unique constraint of the table stands for.
fn taken(error: &Error) -> Option<Unique> {
    let Error::DatabaseError(DatabaseErrorKind::UniqueViolation, details) = error else { return None };
    match details.constraint_name()? {
        "users_username_key" => Some(Unique::Username),
        "users_email_key" => Some(Unique::Email),
        _ => None,
    }
}

/// The user with this name or address, and the stored password hash.
pub async fn find(connection: &mut AsyncPgConnection, identifier: &Identifier) -> Result<Option<(User, String)>, DatabaseError> {
    let query = users::table.select((UserRow::as_select(), users::password_hash));
    let row = match identifier {
        Identifier::Username(key) => query.filter(users::username_key.eq(key)).first(connection).await,
        Identifier::Email(key) => query.filter(users::email_key.eq(key)).first(connection).await,
    };
    let row: Option<(UserRow, String)> = row.optional()?;
    row.map(|(user, password_hash)| Ok((user.try_into()?, password_hash))).transpose()
}

pub async fn exists(connection: &mut AsyncPgConnection, user: UserId) -> Result<bool, DatabaseError> {
    Ok(diesel::select(diesel::dsl::exists(users::table.find(user.as_uuid()))).get_result(connection).await?)
}

/// The state of a user, locked until the transaction ends: whatever a suspension must see or prevent comes after this.
pub async fn lock_state(connection: &mut AsyncPgConnection, user: UserId) -> Result<Option<UserState>, DatabaseError> {
    let state: Option<String> =
        users::table.find(user.as_uuid()).select(users::state).for_no_key_update().first(connection).await.optional()?;
    state.map(|state| state.parse().map_err(|error| Error::DeserializationError(Box::new(error)).into())).transpose()
}

pub async fn set_state(connection: &mut AsyncPgConnection, user: UserId, state: UserState) -> Result<(), DatabaseError> {
    diesel::update(users::table.find(user.as_uuid())).set(users::state.eq(state.as_str())).execute(connection).await?;
    Ok(())
}

/// The user, and the stored password hash; locked until the transaction ends, so that a sign-in and a change of the password see each other.
pub async fn lock(connection: &mut AsyncPgConnection, user: UserId) -> Result<Option<(User, String)>, DatabaseError> {
    let row: Option<(UserRow, String)> = users::table
        .find(user.as_uuid())
        .select((UserRow::as_select(), users::password_hash))
        .for_no_key_update()
        .first(connection)
        .await
        .optional()?;
    row.map(|(user, password_hash)| Ok((user.try_into()?, password_hash))).transpose()
}

pub async fn set_password(connection: &mut AsyncPgConnection, user: UserId, password_hash: &str) -> Result<(), DatabaseError> {
    diesel::update(users::table.find(user.as_uuid())).set(users::password_hash.eq(password_hash)).execute(connection).await?;
    Ok(())
}

/// The user of a session, unless it has been revoked or has expired.
pub async fn of_session(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<Option<User>, DatabaseError> {
    let row = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(session.as_uuid()).and(sessions::revoked_at.is_null()).and(sessions::expires_at.gt(now)))
        .select(UserRow::as_select())
        .first(connection)
        .await
        .optional()?;
    row.map(User::try_from).transpose()
}
