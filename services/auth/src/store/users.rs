use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    result::{DatabaseErrorKind, Error},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::{OwnerGeneration, SessionId, UserId};
use zoetrope_postgres::{Connection, DatabaseError};
use zoetrope_tokens::Role;

use super::{
    schema::{sessions, users},
    usernames::check_free,
};
use crate::{
    accounts::{User, UserState},
    rules::{
        linking::Holder,
        login::{Identifier, key},
        username::spellings,
    },
};

/// A user could not be written.
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
    generation: i64,
    username: String,
    email: Option<String>,
    role: String,
    display_name: Option<String>,
    avatar_url: Option<String>,
    credits: i64,
    created_at: DateTime<Utc>,
}

impl TryFrom<UserRow> for User {
    type Error = DatabaseError;

    fn try_from(row: UserRow) -> Result<Self, DatabaseError> {
        let role = row.role.parse().map_err(|error| Error::DeserializationError(Box::new(error)))?;
        let UserRow { id, generation, username, email, display_name, avatar_url, credits, created_at, .. } = row;
        let (id, generation) = (UserId::new(id), OwnerGeneration::read(generation));
        Ok(Self { id, generation, username, email, role, display_name, avatar_url, credits, created_at })
    }
}

pub async fn insert(connection: &mut AsyncPgConnection, user: &User, password_hash: Option<&str>) -> Result<(), InsertError> {
    check_free(connection, user.id, &user.username).await?;
    diesel::insert_into(users::table)
        .values((
            users::id.eq(user.id.as_uuid()),
            users::username.eq(&user.username),
            users::username_key.eq(key(&user.username)),
            users::display_name.eq(&user.display_name),
            users::email.eq(&user.email),
            users::email_key.eq(user.email.as_deref().map(key)),
            users::password_hash.eq(password_hash),
            users::role.eq(user.role.as_str()),
            users::credits.eq(user.credits),
            users::created_at.eq(user.created_at),
        ))
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(refused)
}

pub(super) fn refused(error: Error) -> InsertError {
    taken(&error).map_or_else(|| InsertError::Database(error.into()), InsertError::Taken)
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

/// A user whose row this transaction has locked: what it says holds until the transaction ends. Only [`lock`] makes one.
#[derive(Debug)]
pub struct LockedUser {
    pub user: User,
    pub password_hash: Option<String>,
    pub state: UserState,
    /// Whether the user has ever shown to receive what is sent to the address.
    pub email_is_verified: bool,
    _lock: (),
}

/// The user with this name or address, and the stored password hash, if there is one.
pub async fn find(
    connection: &mut AsyncPgConnection,
    identifier: &Identifier,
) -> Result<Option<(User, Option<String>)>, DatabaseError> {
    let query = users::table.select((UserRow::as_select(), users::password_hash));
    let row = match identifier {
        Identifier::Username(key) => {
            // The name as it was typed is the user's own, if there are two.
            let named = query.filter(users::username_key.eq_any(spellings(key)));
            named.order(users::username_key.eq(key).desc()).first(connection).await
        }
        Identifier::Email { key, typed } => {
            let addressed = query.filter(users::email_key.eq_any([key, typed]));
            addressed.order(users::email_key.eq(typed).desc()).first(connection).await
        }
    };
    let row: Option<(UserRow, Option<String>)> = row.optional()?;
    row.map(|(user, password_hash)| Ok((user.try_into()?, password_hash))).transpose()
}

pub async fn exists(connection: &mut AsyncPgConnection, user: UserId) -> Result<bool, DatabaseError> {
    Ok(diesel::select(diesel::dsl::exists(users::table.find(user.as_uuid()))).get_result(connection).await?)
}

/// The state of a user, locked until the transaction ends: whatever a suspension must see or prevent comes after this.
pub async fn lock_state(connection: &Connection, user: UserId) -> Result<Option<UserState>, DatabaseError> {
    let state: Option<String> =
        users::table.find(user.as_uuid()).select(users::state).for_no_key_update().first(&mut &*connection).await.optional()?;
    state.map(|state| state.parse().map_err(|error| Error::DeserializationError(Box::new(error)).into())).transpose()
}

/// Any state but that of a deleted user, see [`mark_deleted`].
pub async fn set_state(connection: &mut AsyncPgConnection, locked: &LockedUser, state: UserState) -> Result<(), DatabaseError> {
    diesel::update(users::table.find(locked.user.id.as_uuid()))
        .set((users::state.eq(state.as_str()), users::deleted_at.eq(None::<DateTime<Utc>>)))
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn mark_deleted(
    connection: &mut AsyncPgConnection,
    locked: &LockedUser,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::update(users::table.find(locked.user.id.as_uuid()))
        .set((users::state.eq(UserState::Deleted.as_str()), users::deleted_at.eq(now)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Locks the row of a user until the transaction ends. Whatever lets a user in, or shuts a user out, does so behind this lock; it comes before
/// that of any session, token or key.
pub async fn lock(connection: &Connection, user: UserId) -> Result<Option<LockedUser>, DatabaseError> {
    let row: Option<(UserRow, Option<String>, String, bool)> = users::table
        .find(user.as_uuid())
        .select((UserRow::as_select(), users::password_hash, users::state, users::email_verified_at.is_not_null()))
        .for_no_key_update()
        .first(&mut &*connection)
        .await
        .optional()?;
    let Some((user, password_hash, state, email_is_verified)) = row else { return Ok(None) };
    let state = state.parse().map_err(|error| Error::DeserializationError(Box::new(error)))?;
    Ok(Some(LockedUser { user: user.try_into()?, password_hash, state, email_is_verified, _lock: () }))
}

/// The user, and the stored hash of the password.
pub async fn with_password(
    connection: &mut AsyncPgConnection,
    user: UserId,
) -> Result<Option<(User, Option<String>)>, DatabaseError> {
    let query = users::table.find(user.as_uuid()).select((UserRow::as_select(), users::password_hash));
    let row: Option<(UserRow, Option<String>)> = query.first(connection).await.optional()?;
    row.map(|(user, password_hash)| Ok((user.try_into()?, password_hash))).transpose()
}

/// The user who has this address.
pub async fn holder(connection: &mut AsyncPgConnection, email: &str) -> Result<Option<Holder>, DatabaseError> {
    let row: Option<(Uuid, bool, String)> = users::table
        .filter(users::email_key.eq(key(email)))
        .select((users::id, users::email_verified_at.is_not_null(), users::role))
        .first(connection)
        .await
        .optional()?;
    let Some((id, verified, role)) = row else { return Ok(None) };
    let role: Role = role.parse().map_err(|error| Error::DeserializationError(Box::new(error)))?;
    Ok(Some(Holder { user: UserId::new(id), verified, is_admin: role == Role::Admin }))
}

/// The user has shown to receive what is sent to this address, if it is the user's. Tells whether that is new.
pub async fn verify_email(
    connection: &mut AsyncPgConnection,
    user: UserId,
    email: &str,
    now: DateTime<Utc>,
) -> Result<bool, DatabaseError> {
    let unshown =
        users::table.find(user.as_uuid()).filter(users::email_key.eq(key(email)).and(users::email_verified_at.is_null()));
    let verified = diesel::update(unshown).set(users::email_verified_at.eq(now)).execute(connection).await?;
    Ok(verified > 0)
}

#[derive(AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true)]
struct HandedOver<'a> {
    username: &'a str,
    username_key: String,
    display_name: Option<&'a str>,
    bio: Option<&'a str>,
    avatar_url: Option<&'a str>,
    avatar_file: Option<Uuid>,
    password_hash: Option<&'a str>,
    email_verified_at: Option<DateTime<Utc>>,
    generation: i64,
}

/// The account is another owner's, who has shown to receive mail at its address. A picture of ours must be released before.
pub async fn hand_over(
    connection: &mut AsyncPgConnection,
    claimed: &LockedUser,
    username: &str,
    display_name: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), InsertError> {
    let user = &claimed.user;
    check_free(connection, user.id, username).await?;
    let handed_over = HandedOver {
        username,
        username_key: key(username),
        display_name,
        bio: None,
        avatar_url: None,
        avatar_file: None,
        password_hash: None,
        email_verified_at: Some(now),
        generation: user.generation.next().stored(),
    };
    let row = users::table.find(user.id.as_uuid());
    diesel::update(row).set(handed_over).execute(connection).await.map(|_| ()).map_err(refused)
}

/// The stored hash of a user's password, locked until the transaction ends.
pub async fn lock_password(connection: &Connection, user: UserId) -> Result<Option<String>, DatabaseError> {
    let query = users::table.find(user.as_uuid()).select(users::password_hash).for_no_key_update();
    Ok(query.first(&mut &*connection).await.optional()?.flatten())
}

pub async fn set_password(connection: &Connection, user: UserId, password_hash: &str) -> Result<(), DatabaseError> {
    let own = diesel::update(users::table.find(user.as_uuid()));
    own.set(users::password_hash.eq(password_hash)).execute(&mut &*connection).await?;
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
