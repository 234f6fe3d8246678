use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;
use zoetrope_domain::UserId;
use zoetrope_postgres::{Connection, DatabaseError, PRUNE_BATCH, Statement};

use super::schema::security_events;
use crate::{
    accounts::{Device, EventPage, PastEvent, SIGN_IN_FAILED, SecurityEvent},
    failures::Failed,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = security_events)]
struct EventRow {
    id: Uuid,
    kind: String,
    subject: Option<String>,
    address: Option<String>,
    device: Option<String>,
    happened_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
    count: i32,
}

/// Writes down what happened to the account, and where its cause was, if that is known.
pub async fn record(
    connection: &Connection,
    user: UserId,
    event: SecurityEvent,
    device: Option<&Device>,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    diesel::insert_into(security_events::table)
        .values((
            security_events::id.eq(Uuid::now_v7()),
            security_events::user_id.eq(user.as_uuid()),
            security_events::kind.eq(event.kind()),
            security_events::subject.eq(event.subject()),
            security_events::address.eq(device.map(|device| device.address.to_string())),
            security_events::device.eq(device.and_then(|device| device.name.as_ref())),
            security_events::happened_at.eq(now),
            security_events::last_at.eq(now),
            security_events::count.eq(event.count()),
        ))
        .execute(&mut &*connection)
        .await?;
    Ok(())
}

/// Writes down failures, those of an account and an hour in one row, which tells of the last.
pub async fn add_failures(connection: &mut AsyncPgConnection, failures: &[(UserId, Failed)]) -> Result<(), DatabaseError> {
    let ids: Vec<Uuid> = failures.iter().map(|_| Uuid::now_v7()).collect();
    let users: Vec<Uuid> = failures.iter().map(|(user, _)| user.as_uuid()).collect();
    let moments: Vec<DateTime<Utc>> = failures.iter().map(|(_, failed)| failed.last_at).collect();
    let counts: Vec<i32> = failures.iter().map(|(_, failed)| failed.count).collect();
    let addresses: Vec<String> = failures.iter().map(|(_, failed)| failed.device.address.to_string()).collect();
    let devices: Vec<Option<String>> = failures.iter().map(|(_, failed)| failed.device.name.clone()).collect();
    // In one order, so that two who write at the same time do not wait for each other. A user may be gone by now.
    Statement::new(
        "INSERT INTO security_events (id, user_id, kind, address, device, happened_at, last_at, count, window_start) ",
    )
    .sql("SELECT failed.id, failed.user_id, ")
    .bind::<Text, _>(SIGN_IN_FAILED)
    .sql(", failed.address, failed.device, failed.at, failed.at, failed.count, date_trunc('hour', failed.at) FROM unnest(")
    .bind::<Array<SqlUuid>, _>(ids)
    .sql(", ")
    .bind::<Array<SqlUuid>, _>(users)
    .sql(", ")
    .bind::<Array<Timestamptz>, _>(moments)
    .sql(", ")
    .bind::<Array<Integer>, _>(counts)
    .sql(", ")
    .bind::<Array<Text>, _>(addresses)
    .sql(", ")
    .bind::<Array<Nullable<Text>>, _>(devices)
    .sql(
        ") AS failed (id, user_id, at, count, address, device)
             JOIN users ON users.id = failed.user_id
             ORDER BY failed.user_id
             ON CONFLICT (user_id, kind, window_start) WHERE window_start IS NOT NULL DO UPDATE SET
                 count = least(security_events.count::bigint + excluded.count, 2147483647)::integer,
                 last_at = greatest(security_events.last_at, excluded.last_at),
                 address = excluded.address,
                 device = excluded.device",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A page of the user's events, the newest first, and how many there are.
pub async fn of_user(
    connection: &mut AsyncPgConnection,
    user: UserId,
    page: EventPage,
) -> Result<(Vec<PastEvent>, i64), DatabaseError> {
    let own = security_events::table.filter(security_events::user_id.eq(user.as_uuid()));
    let total = own.count().get_result(connection).await?;
    let rows: Vec<EventRow> = own
        .order((security_events::last_at.desc(), security_events::id.desc()))
        .limit(page.page_size.into())
        .offset((i64::from(page.page) - 1) * i64::from(page.page_size))
        .select(EventRow::as_select())
        .load(connection)
        .await?;
    Ok((rows.into_iter().map(PastEvent::from).collect(), total))
}

/// Forgets a batch of events that are older than this; tells how many.
pub async fn forget_old(connection: &mut AsyncPgConnection, keep_days: i32) -> QueryResult<usize> {
    sql_query(
        "DELETE FROM security_events WHERE id = ANY (ARRAY(
             SELECT id FROM security_events
             WHERE last_at < now() - make_interval(days => $1)
             ORDER BY last_at
             LIMIT $2
             FOR UPDATE SKIP LOCKED
         ))",
    )
    .bind::<Integer, _>(keep_days)
    .bind::<BigInt, _>(PRUNE_BATCH)
    .execute(connection)
    .await
}

impl From<EventRow> for PastEvent {
    fn from(row: EventRow) -> Self {
        let EventRow { id, kind, subject, address, device, happened_at, last_at, count } = row;
        Self { id, kind, subject, address, device, happened_at, last_at, count }
    }
}
