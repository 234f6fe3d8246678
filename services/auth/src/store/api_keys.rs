use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    result::Error,
    sql_query,
    sql_types::{Array, BigInt, Integer, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::{ApiKeyId, OwnerGeneration, UserId};
use zoetrope_postgres::{DatabaseError, PRUNE_BATCH, Statement};
use zoetrope_tokens::{PublishedKey, Scopes};

use super::{
    endings,
    schema::{api_keys, users},
    users::{LockedUser, UserRow},
};
use crate::accounts::{Acting, KeyCard, User};

/// How a key stands, for those who do not know it yet.
pub enum Standing {
    Good(PublishedKey),
    Revoked,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct CardRow {
    id: Uuid,
    name: String,
    prefix: String,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct StandingRow {
    id: Uuid,
    user_id: Uuid,
    secret_hash: Vec<u8>,
    scopes: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

pub async fn insert(
    connection: &mut AsyncPgConnection,
    acting: &Acting,
    card: &KeyCard,
    secret_hash: &[u8],
) -> Result<(), DatabaseError> {
    let scopes: Vec<&str> = card.scopes.iter().map(|scope| scope.as_str()).collect();
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(card.id.as_uuid()),
            api_keys::user_id.eq(acting.user.id.as_uuid()),
            api_keys::name.eq(&card.name),
            api_keys::prefix.eq(&card.prefix),
            api_keys::secret_hash.eq(secret_hash),
            api_keys::scopes.eq(scopes),
            api_keys::created_at.eq(card.created_at),
            api_keys::expires_at.eq(card.expires_at),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// The keys of the user that were not revoked, the newest first.
pub async fn of_user(connection: &mut AsyncPgConnection, user: UserId) -> Result<Vec<KeyCard>, DatabaseError> {
    let rows: Vec<CardRow> = api_keys::table
        .filter(api_keys::user_id.eq(user.as_uuid()).and(api_keys::revoked_at.is_null()))
        .order(api_keys::created_at.desc())
        .select(CardRow::as_select())
        .load(connection)
        .await?;
    rows.into_iter().map(card).collect()
}

/// How many keys the user has that were not revoked.
pub async fn count(connection: &mut AsyncPgConnection, user: UserId) -> Result<i64, DatabaseError> {
    let own = api_keys::table.filter(api_keys::user_id.eq(user.as_uuid()).and(api_keys::revoked_at.is_null()));
    Ok(own.count().get_result(connection).await?)
}

/// The user whose key it is, unless it was revoked or has expired.
pub async fn owner(connection: &mut AsyncPgConnection, key: ApiKeyId, now: DateTime<Utc>) -> Result<Option<User>, DatabaseError> {
    let good = api_keys::revoked_at.is_null().and(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)));
    let row: Option<UserRow> = api_keys::table
        .inner_join(users::table)
        .filter(api_keys::id.eq(key.as_uuid()).and(good))
        .select(UserRow::as_select())
        .first(connection)
        .await
        .optional()?;
    row.map(User::try_from).transpose()
}

/// Ends a key if it is the user's and was not revoked, and tells the other services.
pub async fn revoke_own(
    connection: &mut AsyncPgConnection,
    acting: &Acting,
    key: ApiKeyId,
    now: DateTime<Utc>,
) -> Result<Vec<ApiKeyId>, DatabaseError> {
    let own = api_keys::table.find(key.as_uuid()).filter(api_keys::user_id.eq(acting.user.id.as_uuid()));
    let rows: Vec<Uuid> = diesel::update(own.filter(api_keys::revoked_at.is_null()))
        .set((api_keys::revoked_at.eq(now), api_keys::announced_at.eq(None::<DateTime<Utc>>)))
        .returning(api_keys::id)
        .get_results(connection)
        .await?;
    told(connection, rows).await
}

/// Ends all keys of the user, and tells the other services.
pub async fn revoke_all(
    connection: &mut AsyncPgConnection,
    locked: &LockedUser,
    now: DateTime<Utc>,
) -> Result<Vec<ApiKeyId>, DatabaseError> {
    let rows: Vec<Uuid> = diesel::update(api_keys::table.filter(api_keys::user_id.eq(locked.user.id.as_uuid())))
        .filter(api_keys::revoked_at.is_null())
        .set((api_keys::revoked_at.eq(now), api_keys::announced_at.eq(None::<DateTime<Utc>>)))
        .returning(api_keys::id)
        .get_results(connection)
        .await?;
    told(connection, rows).await
}

async fn told(connection: &mut AsyncPgConnection, rows: Vec<Uuid>) -> Result<Vec<ApiKeyId>, DatabaseError> {
    let ended: Vec<ApiKeyId> = rows.into_iter().map(ApiKeyId::new).collect();
    endings::of_api_keys(connection, &ended).await?;
    Ok(ended)
}

/// The keys of which Redis does not know how they stand, the oldest first.
pub async fn unannounced(connection: &mut AsyncPgConnection, limit: i64) -> Result<Vec<(ApiKeyId, Standing)>, DatabaseError> {
    let rows: Vec<(StandingRow, String, i64)> = api_keys::table
        .inner_join(users::table)
        .filter(api_keys::announced_at.is_null())
        .order(api_keys::created_at)
        .limit(limit)
        .select((StandingRow::as_select(), users::username, users::generation))
        .load(connection)
        .await?;
    rows.into_iter().map(standing).collect()
}

/// Redis is to hear of the user's keys once more.
pub async fn publish_anew(connection: &mut AsyncPgConnection, user: UserId) -> Result<(), DatabaseError> {
    diesel::update(api_keys::table.filter(api_keys::user_id.eq(user.as_uuid()).and(api_keys::revoked_at.is_null())))
        .set(api_keys::announced_at.eq(None::<DateTime<Utc>>))
        .execute(connection)
        .await?;
    Ok(())
}

/// Good keys in the order of their ids, behind this one.
pub async fn good_ones_after(
    connection: &mut AsyncPgConnection,
    after: ApiKeyId,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(ApiKeyId, Standing)>, DatabaseError> {
    let good = api_keys::revoked_at.is_null().and(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now)));
    let rows: Vec<(StandingRow, String, i64)> = api_keys::table
        .inner_join(users::table)
        .filter(api_keys::id.gt(after.as_uuid()).and(good))
        .order(api_keys::id)
        .limit(limit)
        .select((StandingRow::as_select(), users::username, users::generation))
        .load(connection)
        .await?;
    rows.into_iter().map(standing).collect()
}

/// Notes that Redis knows how a key stands, unless that has changed since.
pub async fn mark_announced(
    connection: &mut AsyncPgConnection,
    key: ApiKeyId,
    standing: &Standing,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let was_revoked = matches!(standing, Standing::Revoked);
    let unchanged = api_keys::table.find(key.as_uuid()).filter(api_keys::revoked_at.is_not_null().eq(was_revoked));
    diesel::update(unchanged).set(api_keys::announced_at.eq(now)).execute(connection).await?;
    Ok(())
}

/// Notes when keys were used; never an earlier moment than the one that is known.
pub async fn note_uses(connection: &mut AsyncPgConnection, uses: &[(ApiKeyId, DateTime<Utc>)]) -> Result<(), DatabaseError> {
    let (ids, moments): (Vec<Uuid>, Vec<DateTime<Utc>>) = uses.iter().map(|(key, at)| (key.as_uuid(), *at)).unzip();
    Statement::new("UPDATE api_keys SET last_used_at = used.at FROM unnest(")
        .bind::<Array<SqlUuid>, _>(ids)
        .sql(", ")
        .bind::<Array<Timestamptz>, _>(moments)
        .sql(") AS used (id, at) WHERE api_keys.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)")
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets a batch of keys that were revoked or expired so long ago; tells how many.
pub async fn forget_old(connection: &mut AsyncPgConnection, kept_days: i32) -> QueryResult<usize> {
    sql_query(
        "DELETE FROM api_keys WHERE id = ANY (ARRAY(
             SELECT id FROM api_keys
             WHERE LEAST(revoked_at, expires_at) < now() - make_interval(days => $1)
               AND announced_at IS NOT NULL
             ORDER BY LEAST(revoked_at, expires_at)
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         ))",
    )
    .bind::<Integer, _>(kept_days)
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}

fn card(row: CardRow) -> Result<KeyCard, DatabaseError> {
    let CardRow { id, name, prefix, scopes, created_at, expires_at, last_used_at } = row;
    Ok(KeyCard { id: ApiKeyId::new(id), name, prefix, scopes: read(&scopes)?, created_at, expires_at, last_used_at })
}

fn standing((row, username, generation): (StandingRow, String, i64)) -> Result<(ApiKeyId, Standing), DatabaseError> {
    let StandingRow { id, user_id, secret_hash, scopes, expires_at, revoked_at } = row;
    let standing = match revoked_at {
        Some(_) => Standing::Revoked,
        None => {
            let (user_id, owner_generation) = (UserId::new(user_id), OwnerGeneration::read(generation));
            let scopes = read(&scopes)?;
            Standing::Good(PublishedKey { user_id, owner_generation, username, scopes, expires_at, secret_hash })
        }
    };
    Ok((ApiKeyId::new(id), standing))
}

fn read(scopes: &[String]) -> Result<Scopes, DatabaseError> {
    let scopes: Result<Scopes, _> = scopes.iter().map(|scope| scope.parse()).collect();
    scopes.map_err(|error| Error::DeserializationError(Box::new(error)).into())
}
