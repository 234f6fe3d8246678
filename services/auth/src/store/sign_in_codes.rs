use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Integer, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_postgres::{DatabaseError, PRUNE_BATCH, Statement};

use super::schema::{sign_in_codes, wrong_codes};
use crate::rules::sign_in_code::{Event, Newest};

/// A code that is about to be mailed; all names are of a `CodeKey`.
pub struct NewCode<'a> {
    pub id: Uuid,
    pub address: &'a str,
    pub network: &'a str,
    pub code_hash: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The newest code of an address.
pub struct StoredCode {
    pub id: Uuid,
    pub code_hash: Vec<u8>,
    pub newest: Newest,
}

/// Makes this transaction the only one that is about the address.
pub async fn lock(connection: &mut AsyncPgConnection, address: &str) -> Result<(), DatabaseError> {
    Statement::new("SELECT pg_advisory_xact_lock(hashtextextended('sign-in codes of ' || ")
        .bind::<Text, _>(address.to_owned())
        .sql(", 0))")
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn newest(connection: &mut AsyncPgConnection, address: &str) -> Result<Option<StoredCode>, DatabaseError> {
    type Row = (Uuid, Vec<u8>, DateTime<Utc>, DateTime<Utc>, Option<DateTime<Utc>>);
    let row: Option<Row> = sign_in_codes::table
        .filter(sign_in_codes::address.eq(address))
        .order((sign_in_codes::created_at.desc(), sign_in_codes::id.desc()))
        .select((
            sign_in_codes::id,
            sign_in_codes::code_hash,
            sign_in_codes::created_at,
            sign_in_codes::expires_at,
            sign_in_codes::used_at,
        ))
        .first(connection)
        .await
        .optional()?;
    let Some((id, code_hash, created_at, expires_at, used_at)) = row else { return Ok(None) };
    let wrong_tries: i64 = wrong_codes::table.filter(wrong_codes::code_id.eq(id)).count().get_result(connection).await?;
    let wrong_tries = usize::try_from(wrong_tries).unwrap_or(usize::MAX);
    Ok(Some(StoredCode { id, code_hash, newest: Newest { created_at, expires_at, is_used: used_at.is_some(), wrong_tries } }))
}

/// The codes that were mailed to the address since then.
pub async fn sent(connection: &mut AsyncPgConnection, address: &str, since: DateTime<Utc>) -> Result<Vec<Event>, DatabaseError> {
    let rows = sign_in_codes::table
        .filter(sign_in_codes::address.eq(address).and(sign_in_codes::created_at.gt(since)))
        .select((sign_in_codes::network, sign_in_codes::created_at))
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(event).collect())
}

/// The wrong tries at codes of the address since then.
pub async fn wrong_tries(
    connection: &mut AsyncPgConnection,
    address: &str,
    since: DateTime<Utc>,
) -> Result<Vec<Event>, DatabaseError> {
    let rows = wrong_codes::table
        .inner_join(sign_in_codes::table)
        .filter(sign_in_codes::address.eq(address).and(wrong_codes::tried_at.gt(since)))
        .select((wrong_codes::network, wrong_codes::tried_at))
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(event).collect())
}

fn event((network, at): (String, DateTime<Utc>)) -> Event {
    Event { network, at }
}

pub async fn insert(connection: &mut AsyncPgConnection, code: &NewCode<'_>) -> Result<(), DatabaseError> {
    diesel::insert_into(sign_in_codes::table)
        .values((
            sign_in_codes::id.eq(code.id),
            sign_in_codes::address.eq(code.address),
            sign_in_codes::network.eq(code.network),
            sign_in_codes::code_hash.eq(&code.code_hash),
            sign_in_codes::created_at.eq(code.created_at),
            sign_in_codes::expires_at.eq(code.expires_at),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

pub async fn note_wrong_try(
    connection: &mut AsyncPgConnection,
    code: Uuid,
    network: &str,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::insert_into(wrong_codes::table)
        .values((
            wrong_codes::id.eq(Uuid::now_v7()),
            wrong_codes::code_id.eq(code),
            wrong_codes::network.eq(network),
            wrong_codes::tried_at.eq(now),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// Uses the code up; tells whether it was there to be used.
pub async fn use_up(connection: &mut AsyncPgConnection, code: Uuid, now: DateTime<Utc>) -> Result<bool, DatabaseError> {
    let unused = sign_in_codes::table.find(code).filter(sign_in_codes::used_at.is_null());
    Ok(diesel::update(unused).set(sign_in_codes::used_at.eq(now)).execute(connection).await? == 1)
}

/// Forgets a batch of codes that were mailed so long ago; tells how many.
pub async fn forget_old(connection: &mut AsyncPgConnection, kept_days: i32) -> QueryResult<usize> {
    sql_query(
        "DELETE FROM sign_in_codes WHERE id = ANY (ARRAY(
             SELECT id FROM sign_in_codes
             WHERE created_at < now() - make_interval(days => $1)
             ORDER BY created_at
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         ))",
    )
    .bind::<Integer, _>(kept_days)
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}
