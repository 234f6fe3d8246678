use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::UserId;
use zoetrope_postgres::{DatabaseError, Statement};

use super::{avatars, schema::users};

/// A deleted user whose time is over.
pub struct Due {
    pub id: UserId,
    pub deleted_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    deleted_at: DateTime<Utc>,
}

/// A user who was deleted before a moment, locked until the transaction ends. Not one of whose sessions and keys Redis has not heard yet: once
/// their rows are gone, nobody could tell it.
pub async fn lock_one(connection: &mut AsyncPgConnection, before: DateTime<Utc>) -> Result<Option<Due>, DatabaseError> {
    let row: Option<DueRow> = Statement::new("SELECT id, deleted_at FROM users WHERE deleted_at <= ")
        .bind::<Timestamptz, _>(before)
        .sql(
            " AND NOT EXISTS (
                  SELECT FROM sessions
                  WHERE user_id = users.id AND revoked_at IS NOT NULL AND announced_at IS NULL AND expires_at > now()
              )
              AND NOT EXISTS (SELECT FROM api_keys WHERE user_id = users.id AND announced_at IS NULL)
              ORDER BY deleted_at LIMIT 1 FOR UPDATE SKIP LOCKED",
        )
        .get_result(connection)
        .await
        .optional()?;
    Ok(row.map(|row| Due { id: UserId::new(row.id), deleted_at: row.deleted_at }))
}

/// Removes a user, and with the row whatever refers to it.
pub async fn erase(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), DatabaseError> {
    avatars::release_of(connection, user).await?;
    diesel::delete(users::table.find(user.as_uuid())).execute(connection).await?;
    Ok(())
}
