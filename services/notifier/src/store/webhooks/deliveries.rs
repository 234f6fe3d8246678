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
    webhooks::{Attempt, Delivery, DeliveryId, DeliveryPage, Endpoint, EndpointId, EventType, Replay},
};

/// Most messages of one kind that a replay takes up.
const REPLAYED: i64 = 10_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_deliveries, check_for_backend(diesel::pg::Pg))]
struct DeliveryRow {
    id: Uuid,
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

/// A page of an endpoint's deliveries, the newest event first, and how many there are on all pages.
pub async fn list(
    connection: &mut Connection,
    endpoint: EndpointId,
    page: &DeliveryPage,
) -> Result<(Vec<Delivery>, i64), DatabaseError> {
    let of_endpoint = || {
        let mut query = webhook_deliveries::table.filter(webhook_deliveries::endpoint_id.eq(endpoint.as_uuid())).into_boxed();
        if let Some(state) = page.state {
            query = query.filter(webhook_deliveries::state.eq(state.as_str()));
        }
        query
    };
    let total = of_endpoint().count().get_result(connection).await?;
    let rows: Vec<DeliveryRow> = of_endpoint()
        .order((webhook_deliveries::occurred_at.desc(), webhook_deliveries::id.desc()))
        .limit(page.page_size.into())
        .offset(page.offset())
        .select(DeliveryRow::as_select())
        .load(connection)
        .await?;
    Ok((with_attempts(connection, rows).await?, total))
}

/// A delivery of this endpoint.
pub async fn find(connection: &mut Connection, endpoint: EndpointId, id: DeliveryId) -> Result<Option<Delivery>, DatabaseError> {
    let rows: Vec<DeliveryRow> = webhook_deliveries::table
        .find(id.as_uuid())
        .filter(webhook_deliveries::endpoint_id.eq(endpoint.as_uuid()))
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

/// Begins a delivery anew, whatever came of it. An attempt that is on its way counts as the first.
pub async fn resend(connection: &mut Connection, id: DeliveryId) -> Result<(), DatabaseError> {
    Statement::new("UPDATE webhook_deliveries SET state = 'pending', ended_at = NULL, tries = 0, due_at = now() WHERE id = ")
        .bind::<SqlUuid, _>(id.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

/// Begins those deliveries anew that tell of a time, and tells how many. Tests and what is on its way are left alone.
pub async fn replay(connection: &mut Connection, endpoint: EndpointId, range: &Replay) -> Result<usize, DatabaseError> {
    let states = if range.failed_only {
        "(state = 'failed' OR (state = 'pending' AND tries > 0))"
    } else {
        "(state IN ('failed', 'delivered') OR (state = 'pending' AND tries > 0))"
    };
    let replayed = Statement::new(
        "UPDATE webhook_deliveries SET state = 'pending', ended_at = NULL, tries = 0, due_at = now()
         WHERE id = ANY (ARRAY(
            SELECT id FROM webhook_deliveries WHERE endpoint_id = ",
    )
    .bind::<SqlUuid, _>(endpoint.as_uuid())
    .sql(" AND occurred_at >= ")
    .bind::<Timestamptz, _>(range.from)
    .sql(" AND occurred_at < ")
    .bind::<Timestamptz, _>(range.to)
    .sql(format!(
        " AND task_id IS NOT NULL AND {states} AND (lease_token IS NULL OR lease_expires_at <= now())
            ORDER BY occurred_at LIMIT "
    ))
    .bind::<BigInt, _>(REPLAYED)
    .sql(" FOR UPDATE SKIP LOCKED))")
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
