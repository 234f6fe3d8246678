use chrono::TimeDelta;
use diesel::{
    dsl::now,
    prelude::*,
    sql_types::{Double, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::{AvatarId, UserId};
use zoetrope_postgres::{DatabaseError, Statement};

use super::schema::{avatar_files, users};
use crate::accounts::Acting;

/// Writes down a file that is about to be stored, to be removed after a time unless somebody shows it.
pub async fn reserve(connection: &mut AsyncPgConnection, file: AvatarId, unused_for: TimeDelta) -> Result<(), DatabaseError> {
    Statement::new("INSERT INTO avatar_files (id, due_at) VALUES (")
        .bind::<SqlUuid, _>(file.as_uuid())
        .sql(", now() + make_interval(secs => ")
        .bind::<Double, _>(unused_for.as_seconds_f64())
        .sql("))")
        .execute(connection)
        .await?;
    Ok(())
}

/// Shows a file as the picture of a user.
pub async fn show(connection: &mut AsyncPgConnection, acting: &Acting, file: AvatarId, url: &str) -> Result<(), DatabaseError> {
    let user = acting.user.id;
    release_of(connection, user).await?;
    diesel::update(avatar_files::table.find(file.as_uuid()))
        .set(avatar_files::due_at.eq(None::<chrono::DateTime<chrono::Utc>>))
        .execute(connection)
        .await?;
    diesel::update(users::table.find(user.as_uuid()))
        .set((users::avatar_url.eq(url), users::avatar_file.eq(file.as_uuid())))
        .execute(connection)
        .await?;
    Ok(())
}

/// The user's file, if there is one, is not shown any more.
pub async fn release_of(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), DatabaseError> {
    let shown = users::table.find(user.as_uuid()).select(users::avatar_file).single_value();
    diesel::update(avatar_files::table.filter(avatar_files::id.nullable().eq(shown)))
        .set(avatar_files::due_at.eq(now.into_sql::<Timestamptz>().nullable()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Files that nobody shows.
pub async fn unneeded(connection: &mut AsyncPgConnection, limit: i64) -> Result<Vec<AvatarId>, DatabaseError> {
    let ids: Vec<Uuid> = avatar_files::table
        .filter(avatar_files::due_at.le(now.into_sql::<Timestamptz>().nullable()))
        .order(avatar_files::due_at)
        .limit(limit)
        .select(avatar_files::id)
        .load(connection)
        .await?;
    Ok(ids.into_iter().map(AvatarId::new).collect())
}

/// The file is gone.
pub async fn forget(connection: &mut AsyncPgConnection, file: AvatarId) -> Result<(), DatabaseError> {
    diesel::delete(avatar_files::table.find(file.as_uuid())).execute(connection).await?;
    Ok(())
}
