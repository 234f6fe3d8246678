use std::{net::IpAddr, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Integer, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::{SessionId, UserId};
use zoetrope_postgres::{Connection, DatabaseError, PRUNE_BATCH, Statement};

use super::{
    endings,
    schema::{sessions, users},
    users::LockedUser,
};
use crate::{
    accounts::{Acting, Device, OpenSession},
    rules::login::key,
};

/// A session that was ended before its time.
#[derive(Debug, Clone, Copy)]
pub struct Revoked {
    pub id: SessionId,
    pub(super) expires_at: DateTime<Utc>,
}

impl Revoked {
    /// How long a token of the session could still be presented.
    pub fn tokens_live_for(&self, now: DateTime<Utc>) -> Duration {
        (self.expires_at - now).to_std().unwrap_or_default()
    }
}

pub async fn open(
    connection: &Connection,
    session: SessionId,
    user: UserId,
    device: &Device,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(session.as_uuid()),
            sessions::user_id.eq(user.as_uuid()),
            sessions::created_at.eq(now),
            sessions::expires_at.eq(expires_at),
            sessions::device.eq(&device.name),
            sessions::address.eq(device.address.to_string()),
        ))
        .execute(&mut &*connection)
        .await?;
    Ok(())
}

/// When the session was opened, if it has not ended; locked until the transaction ends, so that who ends it sees how long it has become.
pub async fn lock_open(
    connection: &mut AsyncPgConnection,
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    let open = sessions::revoked_at.is_null().and(sessions::expires_at.gt(now));
    let own = sessions::table.find(session.as_uuid()).filter(open).select(sessions::created_at);
    Ok(own.for_no_key_update().first(connection).await.optional()?)
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

/// Whose session it is, whether or not it has ended.
pub async fn user(connection: &mut AsyncPgConnection, session: SessionId) -> Result<Option<UserId>, DatabaseError> {
    let user: Option<Uuid> =
        sessions::table.find(session.as_uuid()).select(sessions::user_id).first(connection).await.optional()?;
    Ok(user.map(UserId::new))
}

/// When the user signed in.
pub async fn opened_at(connection: &mut AsyncPgConnection, session: SessionId) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    Ok(sessions::table.find(session.as_uuid()).select(sessions::created_at).first(connection).await.optional()?)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct OpenRow {
    id: Uuid,
    device: Option<String>,
    address: Option<String>,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
}

/// The sessions of the user that have not ended, the newest first.
pub async fn open_ones(
    connection: &mut AsyncPgConnection,
    user: UserId,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<OpenSession>, DatabaseError> {
    let rows: Vec<OpenRow> = sessions::table
        .filter(sessions::user_id.eq(user.as_uuid()).and(sessions::revoked_at.is_null()).and(sessions::expires_at.gt(now)))
        .order(sessions::created_at.desc())
        .limit(limit)
        .select(OpenRow::as_select())
        .load(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| OpenSession {
            id: SessionId::new(row.id),
            device: row.device,
            address: row.address.and_then(|address| address.parse::<IpAddr>().ok()),
            created_at: row.created_at,
            last_used_at: row.last_used_at.unwrap_or(row.created_at),
            expires_at: row.expires_at,
        })
        .collect())
}

/// From where the user of this address has signed in since then. What was before the user had shown to receive mail there does not count:
/// it may have been somebody else.
pub async fn places(connection: &mut AsyncPgConnection, email: &str, since: DateTime<Utc>) -> Result<Vec<IpAddr>, DatabaseError> {
    let places: Vec<Option<String>> = sessions::table
        .inner_join(users::table)
        .filter(users::email_key.eq(key(email)).and(sessions::created_at.gt(since)))
        .filter(sessions::created_at.nullable().ge(users::email_verified_at))
        .select(sessions::address)
        .distinct()
        .load(connection)
        .await?;
    Ok(places.into_iter().flatten().filter_map(|address| address.parse().ok()).collect())
}

/// Notes when sessions were used; never an earlier moment than the one that is known.
pub async fn note_uses(connection: &mut AsyncPgConnection, uses: &[(SessionId, DateTime<Utc>)]) -> Result<(), DatabaseError> {
    let (ids, moments): (Vec<Uuid>, Vec<DateTime<Utc>>) = uses.iter().map(|(session, at)| (session.as_uuid(), *at)).unzip();
    Statement::new("UPDATE sessions SET last_used_at = used.at FROM unnest(")
        .bind::<Array<SqlUuid>, _>(ids)
        .sql(", ")
        .bind::<Array<Timestamptz>, _>(moments)
        .sql(") AS used (id, at) WHERE sessions.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)")
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends those of the user's sessions that had not ended, tells the other services, and gives them back.
pub async fn revoke(
    connection: &mut AsyncPgConnection,
    locked: &LockedUser,
    ended: &[SessionId],
    now: DateTime<Utc>,
) -> Result<Vec<Revoked>, DatabaseError> {
    let ids = ended.iter().map(|session| session.as_uuid());
    let own = sessions::user_id.eq(locked.user.id.as_uuid());
    let open = sessions::table.filter(sessions::id.eq_any(ids).and(own).and(sessions::revoked_at.is_null()));
    let rows: Vec<(Uuid, DateTime<Utc>)> = diesel::update(open)
        .set(sessions::revoked_at.eq(now))
        .returning((sessions::id, sessions::expires_at))
        .get_results(connection)
        .await?;
    told(connection, rows).await
}

/// Ends a session if it is the user's and has not ended, and tells the other services.
pub async fn revoke_own(
    connection: &mut AsyncPgConnection,
    acting: &Acting,
    session: SessionId,
    now: DateTime<Utc>,
) -> Result<Vec<Revoked>, DatabaseError> {
    let own = sessions::table.find(session.as_uuid()).filter(sessions::user_id.eq(acting.user.id.as_uuid()));
    let rows: Vec<(Uuid, DateTime<Utc>)> =
        diesel::update(own.filter(sessions::revoked_at.is_null().and(sessions::expires_at.gt(now))))
            .set(sessions::revoked_at.eq(now))
            .returning((sessions::id, sessions::expires_at))
            .get_results(connection)
            .await?;
    told(connection, rows).await
}

/// Ends all sessions of the user, but for one that may go on, tells the other services, and gives them back.
pub async fn revoke_others(
    connection: &mut AsyncPgConnection,
    locked: &LockedUser,
    spared: Option<SessionId>,
    now: DateTime<Utc>,
) -> Result<Vec<Revoked>, DatabaseError> {
    // No session has the nil id.
    let spared = spared.map_or_else(Uuid::nil, SessionId::as_uuid);
    let user = locked.user.id.as_uuid();
    let open = sessions::user_id.eq(user).and(sessions::id.ne(spared)).and(sessions::revoked_at.is_null());
    let rows: Vec<(Uuid, DateTime<Utc>)> = diesel::update(sessions::table.filter(open.and(sessions::expires_at.gt(now))))
        .set(sessions::revoked_at.eq(now))
        .returning((sessions::id, sessions::expires_at))
        .get_results(connection)
        .await?;
    told(connection, rows).await
}

async fn told(connection: &mut AsyncPgConnection, rows: Vec<(Uuid, DateTime<Utc>)>) -> Result<Vec<Revoked>, DatabaseError> {
    let ended: Vec<Revoked> = rows.into_iter().map(revoked).collect();
    endings::of_sessions(connection, &ended).await?;
    Ok(ended)
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

/// Redis has lost what it was told of sessions whose tokens could still be presented.
pub async fn forget_announcements(connection: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    diesel::update(sessions::table.filter(sessions::revoked_at.is_not_null().and(sessions::expires_at.gt(now))))
        .set(sessions::announced_at.eq(None::<DateTime<Utc>>))
        .execute(connection)
        .await?;
    Ok(())
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
