use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_postgres::{Connection, DatabaseError, Statement};

use super::unreadable;
use crate::{
    store::schema::{webhook_attempts, webhook_deliveries},
    webhooks::{Attempt, Delivery, DeliveryId, DeliveryPage, Endpoint, EndpointId, EventType, Recipient, Replay},
};

/// Most messages of one kind that a replay takes up.
const REPLAYED: i64 = 10_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries, check_for_backend(diesel::pg::Pg))]
struct DeliveryRow {
    id: Uuid,
    callback_url: Option<String>,
    event: String,
    task_id: Option<Uuid>,
    state: String,
    occurred_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_attempts, check_for_backend(diesel::pg::Pg))]
struct AttemptRow {
    delivery_id: Uuid,
    started_at: DateTime<Utc>,
    duration_ms: i32,
    status_code: Option<i32>,
    response: Option<String>,
    error: Option<String>,
}

impl DeliveryRow {
    fn delivery(self, attempts: Vec<Attempt>) -> QueryResult<Delivery> {
        Ok(Delivery {
            id: DeliveryId::new(self.id),
            callback_url: self.callback_url,
            event: self.event.parse().map_err(unreadable)?,
            task_id: self.task_id.map(Into::into),
            state: self.state.parse().map_err(unreadable)?,
            occurred_at: self.occurred_at,
            due_at: self.due_at,
            ended_at: self.ended_at,
            attempts,
        })
    }
}

impl From<AttemptRow> for Attempt {
    fn from(row: AttemptRow) -> Self {
        Self {
            started_at: row.started_at,
            duration: Duration::from_millis(row.duration_ms.max(0).unsigned_abs().into()),
            status: row.status_code.and_then(|status| status.try_into().ok()),
            response: row.response,
            error: row.error,
        }
    }
}

/// The deliveries to this recipient.
fn deliveries_to<'a>(recipient: Recipient) -> webhook_deliveries::BoxedQuery<'a, diesel::pg::Pg> {
    match recipient {
        Recipient::Endpoint(endpoint) => {
            webhook_deliveries::table.filter(webhook_deliveries::endpoint_id.eq(endpoint.as_uuid())).into_boxed()
        }
        Recipient::Callbacks(user) => webhook_deliveries::table
            .filter(webhook_deliveries::user_id.eq(user.as_uuid()))
            .filter(webhook_deliveries::endpoint_id.is_null())
            .into_boxed(),
    }
}

/// A page of deliveries, the newest event first, and how many there are on all pages.
pub async fn list(
    connection: &mut Connection,
    recipient: Recipient,
    page: &DeliveryPage,
) -> Result<(Vec<Delivery>, i64), DatabaseError> {
    let wanted = || {
        let mut query = deliveries_to(recipient);
        if let Some(state) = page.state {
            query = query.filter(webhook_deliveries::state.eq(state.as_str()));
        }
        if let Some(task) = page.task {
            query = query.filter(webhook_deliveries::task_id.eq(task.as_uuid()));
        }
        query
    };
    let total = wanted().count().get_result(connection).await?;
    let rows: Vec<DeliveryRow> = wanted()
        .order((webhook_deliveries::occurred_at.desc(), webhook_deliveries::id.desc()))
        .limit(page.page_size.into())
        .offset(page.offset())
        .select(DeliveryRow::as_select())
        .load(connection)
        .await?;
    Ok((with_attempts(connection, rows).await?, total))
}

/// A delivery to this recipient.
pub async fn find(connection: &mut Connection, recipient: Recipient, id: DeliveryId) -> Result<Option<Delivery>, DatabaseError> {
    let rows: Vec<DeliveryRow> = deliveries_to(recipient)
        .filter(webhook_deliveries::id.eq(id.as_uuid()))
        .select(DeliveryRow::as_select())
        .load(connection)
        .await?;
    Ok(with_attempts(connection, rows).await?.pop())
}

async fn with_attempts(connection: &mut Connection, rows: Vec<DeliveryRow>) -> Result<Vec<Delivery>, DatabaseError> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let attempts: Vec<AttemptRow> = webhook_attempts::table
        .filter(webhook_attempts::delivery_id.eq_any(ids))
        .order((webhook_attempts::delivery_id, webhook_attempts::number))
        .select(AttemptRow::as_select())
        .load(connection)
        .await?;
    let mut by_delivery: HashMap<Uuid, Vec<Attempt>> = HashMap::new();
    for attempt in attempts {
        by_delivery.entry(attempt.delivery_id).or_default().push(attempt.into());
    }
    let deliveries = rows.into_iter().map(|row| {
        let attempts = by_delivery.remove(&row.id).unwrap_or_default();
        row.delivery(attempts)
    });
    Ok(deliveries.collect::<QueryResult<_>>()?)
}

/// Begins a delivery anew, whatever came of it. Where an attempt is under way, another one is made after it: what it leads to is
/// [recorded](super::work::record) by the same row.
pub async fn resend(connection: &mut Connection, id: DeliveryId) -> Result<(), DatabaseError> {
    Statement::new(
        "UPDATE webhook_deliveries SET state = 'pending', ended_at = NULL, tries = 0, due_at = now(),
            send_again = CASE WHEN lease_token IS NOT NULL THEN 'always' END
         WHERE id = ",
    )
    .bind::<SqlUuid, _>(id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}

/// Begins those deliveries anew that tell of a time, and tells how many. Tests are left alone, and what waits for its first attempt; where one
/// is under way, it is as with [`resend`], but if only failures are wanted, its success is enough.
pub async fn replay(connection: &mut Connection, endpoint: EndpointId, range: &Replay) -> Result<usize, DatabaseError> {
    let (states, again) = if range.failed_only {
        ("(state = 'failed' OR (state = 'pending' AND tries > 0))", "coalesce(send_again, 'if_failed')")
    } else {
        ("(state IN ('failed', 'delivered') OR (state = 'pending' AND (tries > 0 OR lease_token IS NOT NULL)))", "'always'")
    };
    let replayed = Statement::new(format!(
        "UPDATE webhook_deliveries SET state = 'pending', ended_at = NULL, tries = 0, due_at = now(),
            send_again = CASE WHEN lease_token IS NOT NULL THEN {again} END
         WHERE id = ANY (ARRAY(
            SELECT id FROM webhook_deliveries WHERE endpoint_id = "
    ))
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .sql(" AND occurred_at >= ")
    .bind::<Timestamptz, _>(range.from)
    .sql(" AND occurred_at < ")
    .bind::<Timestamptz, _>(range.to)
    .sql(format!(" AND task_id IS NOT NULL AND {states} ORDER BY occurred_at, id LIMIT "))
    .bind::<BigInt, _>(REPLAYED)
    // What came of an attempt is perhaps being written down at this moment: it is waited for.
    .sql(" FOR UPDATE))")
    .execute(connection)
    .await?;
    Ok(replayed)
}

/// Writes down the ends of tasks in a time that the endpoint was not told of, because it was disabled or did not exist; tells how many.
pub async fn tell_missed(connection: &mut Connection, endpoint: &Endpoint, range: &Replay) -> Result<usize, DatabaseError> {
    // By the user's own tasks, of which this service keeps the last state.
    let mut told = 0;
    for event in EventType::DEFAULT.into_iter().filter(|event| endpoint.events.contains(event)) {
        told += Statement::new(
            "INSERT INTO webhook_deliveries (id, user_id, endpoint_id, event, task_id, version, payload, occurred_at)
             SELECT gen_random_uuid(), user_id, ",
        )
        .bind::<SqlUuid, _>(endpoint.id.as_uuid())
        .sql(", ")
        .bind::<Text, _>(event.as_str())
        .sql(", task_id, version, payload, updated_at FROM task_states WHERE user_id = ")
        .bind::<SqlUuid, _>(endpoint.user_id.as_uuid())
        .sql(" AND 'task.' || status = ")
        .bind::<Text, _>(event.as_str())
        .sql(" AND updated_at >= ")
        .bind::<Timestamptz, _>(range.from)
        .sql(" AND updated_at < ")
        .bind::<Timestamptz, _>(range.to)
        .sql(
            " AND NOT EXISTS (
                SELECT FROM webhook_deliveries AS told
                WHERE told.task_id = task_states.task_id AND told.version = task_states.version AND told.lane = ",
        )
        .bind::<SqlUuid, _>(endpoint.id.as_uuid())
        .sql(") ORDER BY updated_at LIMIT ")
        .bind::<BigInt, _>(REPLAYED)
        .sql(" ON CONFLICT (lane, task_id, version) DO NOTHING")
        .execute(connection)
        .await?;
    }
    Ok(told)
}
