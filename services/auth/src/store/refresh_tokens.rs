use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Integer},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::{SessionId, UserId};
use zoetrope_postgres::{Connection, DatabaseError, PRUNE_BATCH};

use super::{
    schema::{refresh_tokens, sessions, users},
    users::UserRow,
};
use crate::{accounts::User, credentials::RefreshToken};

/// What is known of a refresh token.
pub struct StoredToken {
    pub secret_hash: Vec<u8>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub session_id: SessionId,
    pub session_revoked: bool,
    pub user: User,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = refresh_tokens)]
struct TokenRow {
    session_id: Uuid,
    secret_hash: Vec<u8>,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
}

pub async fn insert(
    connection: &Connection,
    token: &RefreshToken,
    session: SessionId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::id.eq(token.id),
            refresh_tokens::session_id.eq(session.as_uuid()),
            refresh_tokens::secret_hash.eq(token.secret_hash()),
            refresh_tokens::created_at.eq(now),
            refresh_tokens::expires_at.eq(expires_at),
        ))
        .execute(&mut &*connection)
        .await?;
    Ok(())
}

/// Whose token it is.
pub async fn user(connection: &mut AsyncPgConnection, id: Uuid) -> Result<Option<UserId>, DatabaseError> {
    let user: Option<Uuid> = refresh_tokens::table
        .find(id)
        .inner_join(sessions::table)
        .select(sessions::user_id)
        .first(connection)
        .await
        .optional()?;
    Ok(user.map(UserId::new))
}

/// The token with this id. Behind the lock of its user: of two parallel uses, the second sees what the first did.
pub async fn find(connection: &mut AsyncPgConnection, id: Uuid) -> Result<Option<StoredToken>, DatabaseError> {
    let token: Option<TokenRow> =
        refresh_tokens::table.find(id).select(TokenRow::as_select()).first(connection).await.optional()?;
    let Some(token) = token else { return Ok(None) };
    let (revoked_at, user): (Option<DateTime<Utc>>, UserRow) = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(token.session_id))
        .select((sessions::revoked_at, UserRow::as_select()))
        .first(connection)
        .await?;
    Ok(Some(StoredToken {
        secret_hash: token.secret_hash,
        expires_at: token.expires_at,
        used_at: token.used_at,
        session_id: SessionId::new(token.session_id),
        session_revoked: revoked_at.is_some(),
        user: user.try_into()?,
    }))
}

pub async fn mark_used(connection: &mut AsyncPgConnection, id: Uuid, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    diesel::update(refresh_tokens::table.find(id)).set(refresh_tokens::used_at.eq(now)).execute(connection).await?;
    Ok(())
}

/// Forgets a batch of tokens that expired so long ago; tells how many. Expired, they were refused already.
pub async fn forget_old(connection: &mut AsyncPgConnection, kept_days: i32) -> QueryResult<usize> {
    sql_query(
        "DELETE FROM refresh_tokens WHERE id = ANY (ARRAY(
             SELECT id FROM refresh_tokens
             WHERE expires_at < now() - make_interval(days => $1)
             ORDER BY expires_at
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         ))",
    )
    .bind::<Integer, _>(kept_days)
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}
