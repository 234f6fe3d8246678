use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_postgres::{Connection, DatabaseError, Statement};

use crate::{
    task::TaskSnapshot,
    webhooks::{DeliveryId, Endpoint, EventType},
};

/// A state of a task that somebody may want to hear of.
pub struct TaskEvent<'a> {
    pub event: EventType,
    pub task: &'a TaskSnapshot,
    /// The message that it came in.
    pub payload: &'a [u8],
    pub traceparent: Option<String>,
}

impl TaskEvent<'_> {
    fn task_id(&self) -> Uuid {
        self.task.task_id.as_uuid()
    }

    fn version(&self) -> i64 {
        // A snapshot has none above.
        i64::try_from(self.task.version).unwrap_or(i64::MAX)
    }

    fn user_id(&self) -> Uuid {
        self.task.user_id.as_uuid()
    }
}

/// Writes down a message for each endpoint that wants to hear of it; tells whether there is any new one. Progress that has been overtaken
/// already is not told.
pub async fn tell_endpoints(connection: &mut Connection, event: &TaskEvent<'_>) -> Result<bool, DatabaseError> {
    let name = event.event.as_str();
    let written = Statement::new(
        "INSERT INTO webhook_deliveries (id, user_id, endpoint_id, event, task_id, version, payload, occurred_at, traceparent)
         SELECT gen_random_uuid(), endpoint.user_id, endpoint.id, ",
    )
    .bind::<Text, _>(name)
    .sql(", ")
    .bind::<SqlUuid, _>(event.task_id())
    .sql(", ")
    .bind::<BigInt, _>(event.version())
    .sql(", ")
    .bind::<Binary, _>(event.payload)
    .sql(", ")
    .bind::<Timestamptz, _>(event.task.updated_at)
    .sql(", ")
    .bind::<Nullable<Text>, _>(event.traceparent.as_deref())
    .sql(" FROM webhook_endpoints AS endpoint WHERE endpoint.user_id = ")
    .bind::<SqlUuid, _>(event.user_id())
    .sql(" AND endpoint.enabled AND ")
    .bind::<Text, _>(name)
    .sql(
        " = ANY (endpoint.events)
            AND NOT EXISTS (
                SELECT FROM webhook_deliveries AS newer
                WHERE newer.lane = endpoint.id AND newer.task_id = ",
    )
    .bind::<SqlUuid, _>(event.task_id())
    .sql(" AND newer.version > ")
    .bind::<BigInt, _>(event.version())
    .sql(" AND ")
    .bind::<Text, _>(name)
    .sql(" = 'task.updated') ON CONFLICT (lane, task_id, version) DO NOTHING")
    .execute(connection)
    .await?;
    Ok(written > 0)
}

/// Ends what is still to be told of the task's progress before this event: it is worth nothing any more. What is on its way stays.
pub async fn supersede(connection: &mut Connection, event: &TaskEvent<'_>) -> Result<(), DatabaseError> {
    Statement::new(
        "UPDATE webhook_deliveries SET state = 'superseded', ended_at = now(), lease_token = NULL, lease_expires_at = NULL
         WHERE id = ANY (ARRAY(
            SELECT older.id FROM webhook_endpoints AS endpoint
            JOIN webhook_deliveries AS older ON older.lane = endpoint.id
            WHERE endpoint.user_id = ",
    )
    .bind::<SqlUuid, _>(event.user_id())
    .sql(" AND 'task.updated' = ANY (endpoint.events) AND older.task_id = ")
    .bind::<SqlUuid, _>(event.task_id())
    .sql(" AND older.version < ")
    .bind::<BigInt, _>(event.version())
    .sql(
        " AND older.event = 'task.updated' AND older.state = 'pending'
              AND (older.lease_token IS NULL OR older.lease_expires_at <= now())
            FOR UPDATE OF older SKIP LOCKED
         ))",
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes down a message for the address that a task brought with it; tells whether it is new.
pub async fn tell_callback(connection: &mut Connection, event: &TaskEvent<'_>, url: &str) -> Result<bool, DatabaseError> {
    let written = Statement::new(
        "INSERT INTO webhook_deliveries (id, user_id, callback_url, event, task_id, version, payload, occurred_at, traceparent)
         VALUES (gen_random_uuid(), ",
    )
    .bind::<SqlUuid, _>(event.user_id())
    .sql(", ")
    .bind::<Text, _>(url)
    .sql(", ")
    .bind::<Text, _>(event.event.as_str())
    .sql(", ")
    .bind::<SqlUuid, _>(event.task_id())
    .sql(", ")
    .bind::<BigInt, _>(event.version())
    .sql(", ")
    .bind::<Binary, _>(event.payload)
    .sql(", ")
    .bind::<Timestamptz, _>(event.task.updated_at)
    .sql(", ")
    .bind::<Nullable<Text>, _>(event.traceparent.as_deref())
    .sql(") ON CONFLICT (lane, task_id, version) DO NOTHING")
    .execute(connection)
    .await?;
    Ok(written > 0)
}

/// Writes down a test for an endpoint.
pub async fn tell_test(
    connection: &mut Connection,
    endpoint: &Endpoint,
    now: DateTime<Utc>,
    traceparent: Option<&str>,
) -> Result<DeliveryId, DatabaseError> {
    let id = DeliveryId::generate();
    Statement::new("INSERT INTO webhook_deliveries (id, user_id, endpoint_id, event, occurred_at, traceparent) VALUES (")
        .bind::<SqlUuid, _>(id.as_uuid())
        .sql(", ")
        .bind::<SqlUuid, _>(endpoint.user_id.as_uuid())
        .sql(", ")
        .bind::<SqlUuid, _>(endpoint.id.as_uuid())
        .sql(", ")
        .bind::<Text, _>(EventType::WebhookTest.as_str())
        .sql(", ")
        .bind::<Timestamptz, _>(now)
        .sql(", ")
        .bind::<Nullable<Text>, _>(traceparent)
        .sql(")")
        .execute(connection)
        .await?;
    Ok(id)
}
