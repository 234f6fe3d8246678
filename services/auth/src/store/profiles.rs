use chrono::{DateTime, Utc};
use diesel::{prelude::*, result::Error};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::UserId;
use zoetrope_postgres::DatabaseError;

use super::{
    avatars,
    schema::users,
    usernames::check_free,
    users::{InsertError, UserRow, refused},
};
use crate::{
    accounts::{Acting, Profile, UserState},
    recent_users::Newcomer,
    rules::{login::key, profile::ProfileChange, profile_picture::Picture},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct MoreRow {
    number: i64,
    state: String,
    bio: Option<String>,
    pending_email: Option<String>,
    pending_email_until: Option<DateTime<Utc>>,
}

/// The user as the user is at a moment.
pub async fn find(
    connection: &mut AsyncPgConnection,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Option<Profile>, DatabaseError> {
    let row: Option<(UserRow, MoreRow)> = users::table
        .find(user.as_uuid())
        .select((UserRow::as_select(), MoreRow::as_select()))
        .first(connection)
        .await
        .optional()?;
    let Some((user, more)) = row else { return Ok(None) };
    let state = more.state.parse().map_err(|error| Error::DeserializationError(Box::new(error)))?;
    let pending_email = more.pending_email.filter(|_| more.pending_email_until.is_some_and(|until| until > now));
    let bio = more.bio.unwrap_or_default();
    Ok(Some(Profile { user: user.try_into()?, number: more.number, state, bio, pending_email }))
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct ProfileUpdate<'a> {
    username: Option<&'a str>,
    username_key: Option<String>,
    display_name: Option<&'a str>,
    bio: Option<&'a str>,
}

/// Writes what changes of a user, but for the address. `username` is another name, if there is one.
pub async fn update(
    connection: &mut AsyncPgConnection,
    acting: &Acting,
    username: Option<&str>,
    change: &ProfileChange,
) -> Result<(), InsertError> {
    let user = acting.user.id;
    if let Some(username) = username {
        check_free(connection, user, username).await?;
    }
    let row = users::table.find(user.as_uuid());
    let update = ProfileUpdate {
        username,
        username_key: username.map(key),
        display_name: change.display_name.as_deref(),
        bio: change.bio.as_deref(),
    };
    match diesel::update(row).set(update).execute(connection).await {
        Ok(_) | Err(Error::QueryBuilderError(_)) => {}
        Err(error) => return Err(refused(error)),
    }
    if let Some(picture) = &change.picture {
        show_picture(connection, user, picture).await.map_err(InsertError::Database)?;
    }
    Ok(())
}

/// A picture that somebody else serves takes the place of what was there; unless it is at the very address that is shown already, as forms send
/// it back.
async fn show_picture(connection: &mut AsyncPgConnection, user: UserId, picture: &Picture) -> Result<(), DatabaseError> {
    let row = users::table.find(user.as_uuid());
    let shown: Option<Option<String>> = row.select(users::avatar_url).first(connection).await.optional()?;
    let url = match picture {
        Picture::None => None,
        Picture::At(url) => Some(url),
    };
    if shown.flatten().as_ref() == url {
        return Ok(());
    }
    avatars::release_of(connection, user).await?;
    let nothing = users::avatar_file.eq(None::<Uuid>);
    diesel::update(row).set((users::avatar_url.eq(url), nothing)).execute(connection).await?;
    Ok(())
}

#[derive(Queryable)]
struct NewcomerRow {
    number: i64,
    username: String,
    display_name: Option<String>,
    avatar_url: Option<String>,
    email: Option<String>,
}

/// The newest users who show a picture.
pub async fn newest(connection: &mut AsyncPgConnection, limit: i64) -> Result<Vec<Newcomer>, DatabaseError> {
    let rows: Vec<NewcomerRow> = users::table
        .filter(users::state.eq(UserState::Active.as_str()).and(users::avatar_url.is_not_null()))
        .order(users::created_at.desc())
        .limit(limit)
        .select((users::number, users::username, users::display_name, users::avatar_url, users::email))
        .load(connection)
        .await?;
    let newcomer = |row: NewcomerRow| Newcomer {
        number: row.number,
        name: row.display_name.unwrap_or(row.username),
        avatar_url: row.avatar_url,
        email: row.email,
    };
    Ok(rows.into_iter().map(newcomer).collect())
}

/// How many users there are.
pub async fn count(connection: &mut AsyncPgConnection) -> Result<i64, DatabaseError> {
    Ok(users::table.filter(users::state.eq(UserState::Active.as_str())).count().get_result(connection).await?)
}
