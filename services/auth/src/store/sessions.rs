use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Integer},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::{SessionId, UserId};
use zoetrope_postgres::{DatabaseError, PRUNE_BATCH};

use super::schema::sessions;

/// A session that was ended before its time.
#[derive(Debug, Clone, Copy)]
pub struct Revoked {
    pub id: SessionId,
    expires_at: DateTime<Utc>,
}

impl Revoked {
    /// How long a token of the session could still be presented.
    pub fn tokens_live_for(&self, now: DateTime<Utc>) -> Duration {
        (self.expires_at - now).to_std().unwrap_or_default()
    }
}

pub async fn open(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    user: UserId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(session.as_uuid()),
            sessions::user_id.eq(user.as_uuid()),
            sessions::created_at.eq(now),
            sessions::expires_at.eq(expires_at),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// A session never becomes shorter.
pub async fn extend(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    expires_at: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::update(sessions::table.find(session.as_uuid()).filter(sessions::expires_at.lt(expires_at)))
        .set(sessions::expires_at.eq(expires_at))
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends those of the sessions that had not ended, and gives them back.
pub async fn revoke(
    connection: &mut AsyncPgConnection,
    ended: &[SessionId],
    now: DateTime<Utc>,
) -> Result<Vec<Revoked>, DatabaseError> {
    let ids = ended.iter().map(|session| session.as_uuid());
    let open = sessions::table.filter(sessions::id.eq_any(ids).and(sessions::revoked_at.is_null()));
    let rows: Vec<(Uuid, DateTime<Utc>)> = diesel::update(open)
        .set(sessions::revoked_at.eq(now))
        .returning((sessions::id, sessions::expires_at))
        .get_results(connection)
        .await?;
    Ok(rows.into_iter().map(revoked).collect())
}

/// Ends all sessions of the user, but for one that may go on, and gives them back.
pub async fn revoke_others(
    connection: &mut AsyncPgConnection,
    user: UserId,
    spared: Option<SessionId>,
    now: DateTime<Utc>,
) -> Result<Vec<Revoked>, DatabaseError> {
    // No session has the nil id.
    let spared = spared.map_or_else(Uuid::nil, SessionId::as_uuid);
    let open = sessions::user_id.eq(user.as_uuid()).and(sessions::id.ne(spared)).and(sessions::revoked_at.is_null());
    let rows: Vec<(Uuid, DateTime<Utc>)> = diesel::update(sessions::table.filter(open.and(sessions::expires_at.gt(now))))
        .set(sessions::revoked_at.eq(now))
        .returning((sessions::id, sessions::expires_at))
        .get_results(connection)
        .await?;
    Ok(rows.into_iter().map(revoked).collect())
}

/// The longest known revocations of which the other services may not have heard.
pub async fn unannounced(
    connection: &mut AsyncPgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Revoked>, DatabaseError> {
    let rows: Vec<(Uuid, DateTime<Utc>)> = sessions::table
        .filter(sessions::revoked_at.is_not_null().and(sessions::announced_at.is_null()).and(sessions::expires_at.gt(now)))
        .order(sessions::revoked_at)
        .limit(limit)
        .select((sessions::id, sessions::expires_at))
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(revoked).collect())
}

pub async fn mark_announced(
    connection: &mut AsyncPgConnection,
    announced: &[SessionId],
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let ids = announced.iter().map(|session| session.as_uuid());
    diesel::update(sessions::table.filter(sessions::id.eq_any(ids)))
        .set(sessions::announced_at.eq(now))
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets a batch of sessions that expired so long ago; tells how many. One that still has tokens waits until those are forgotten, so that
/// no statement deletes more than it counts.
pub async fn forget_old(connection: &mut AsyncPgConnection, kept_days: i32) -> QueryResult<usize> {
    sql_query(
        "DELETE FROM sessions WHERE id = ANY (ARRAY(
             SELECT id FROM sessions
             WHERE expires_at < now() - make_interval(days => $1)
               AND NOT EXISTS (SELECT FROM refresh_tokens WHERE session_id = sessions.id)
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

fn revoked((id, expires_at): (Uuid, DateTime<Utc>)) -> Revoked {
    Revoked { id: SessionId::new(id), expires_at }
}
