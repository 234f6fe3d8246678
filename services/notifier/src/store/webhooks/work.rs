use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Binary, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zoetrope_domain::UserId;
use zoetrope_postgres::{Connection, DatabaseError, PRUNE_BATCH, Statement};

use super::duration;
use crate::webhooks::{Attempt, DeliveryId, DisableReason, EndpointId, Message, Next, Secret, Secrets};

/// A message that is ours to deliver until its lease ends.
pub struct Claimed {
    pub id: DeliveryId,
    pub user_id: UserId,
    /// None: the task brought its own address.
    pub endpoint: Option<EndpointId>,
    pub message: Message,
    /// Attempts before this one, since it was sent or sent again.
    pub tries: u32,
    pub traceparent: Option<String>,
    /// Of the claim, which may have taken others as well.
    pub token: Uuid,
    /// None: the endpoint was removed or disabled.
    pub target: Option<Target>,
}

/// Where a message goes.
pub struct Target {
    pub url: String,
    pub secrets: Secrets,
}

#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    endpoint_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    event: String,
    #[diesel(sql_type = Nullable<Binary>)]
    payload: Option<Vec<u8>>,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime<Utc>,
    #[diesel(sql_type = Integer)]
    tries: i32,
    #[diesel(sql_type = Nullable<Text>)]
    traceparent: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    url: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    secret: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    previous_secret: Option<String>,
}

/// Claims due messages, at most `limit`, for the time of a lease. Of each lane no more than fit beside those that are on their way to it, by
/// whichever replica, and only a single one where all fails; each lane gets its first before any gets its second. Two replicas that look at
/// the same moment may take a few too many of a lane.
pub async fn claim(
    connection: &mut Connection,
    limit: usize,
    of_a_lane: u16,
    lease: Duration,
) -> Result<Vec<Claimed>, DatabaseError> {
    let token = Uuid::new_v4();
    // Jumps from one lane to the next, however many messages wait there.
    let rows: Vec<ClaimedRow> = Statement::new(
        "WITH RECURSIVE lanes (lane) AS (
            (SELECT lane FROM webhook_deliveries WHERE state = 'pending' ORDER BY lane LIMIT 1)
            UNION ALL
            SELECT (SELECT next.lane FROM webhook_deliveries AS next
                    WHERE next.state = 'pending' AND next.lane > lanes.lane ORDER BY next.lane LIMIT 1)
            FROM lanes WHERE lanes.lane IS NOT NULL
         ), due AS (
            SELECT first.id, first.due_at, row_number() OVER (PARTITION BY lanes.lane ORDER BY first.due_at) AS place
            FROM lanes
            LEFT JOIN webhook_endpoints AS endpoint ON endpoint.id = lanes.lane
            CROSS JOIN LATERAL (
                SELECT waiting.id, waiting.due_at FROM webhook_deliveries AS waiting
                WHERE waiting.state = 'pending' AND waiting.lane = lanes.lane AND waiting.due_at <= now()
                  AND (waiting.lease_expires_at IS NULL OR waiting.lease_expires_at <= now())
                ORDER BY waiting.due_at
                LIMIT greatest(0, CASE WHEN endpoint.failing_since IS NULL THEN ",
    )
    .bind::<BigInt, _>(i64::from(of_a_lane))
    .sql(
        " ELSE 1 END - (
                    SELECT count(*) FROM webhook_deliveries AS held
                    WHERE held.lane = lanes.lane AND held.lease_token IS NOT NULL AND held.lease_expires_at > now()
                ))
            ) AS first
         ), claimed AS (
            UPDATE webhook_deliveries SET send_again = NULL, lease_token = ",
    )
    .bind::<SqlUuid, _>(token)
    .sql(", lease_expires_at = now() + make_interval(secs => ")
    .bind::<Double, _>(lease.as_secs_f64())
    .sql(
        ") WHERE id = ANY (ARRAY(
                SELECT id FROM webhook_deliveries
                WHERE id = ANY (ARRAY(SELECT id FROM due ORDER BY place, due_at LIMIT ",
    )
    .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
    .sql(
        " )) AND state = 'pending' AND (lease_expires_at IS NULL OR lease_expires_at <= now())
                FOR UPDATE SKIP LOCKED
            ))
            RETURNING id, user_id, endpoint_id, callback_url, event, payload, occurred_at, tries, traceparent
         )
         SELECT claimed.id, claimed.user_id, claimed.endpoint_id, event, payload, occurred_at, tries, traceparent,
                coalesce(endpoint.url, callback_url) AS url,
                coalesce(endpoint.secret, callback.secret) AS secret,
                CASE WHEN coalesce(endpoint.previous_secret_expires_at, callback.previous_secret_expires_at) > now()
                     THEN coalesce(endpoint.previous_secret, callback.previous_secret) END AS previous_secret
         FROM claimed
         LEFT JOIN webhook_endpoints AS endpoint ON endpoint.id = claimed.endpoint_id AND endpoint.enabled
         LEFT JOIN webhook_callback_secrets AS callback ON callback.user_id = claimed.user_id AND claimed.endpoint_id IS NULL",
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().filter_map(|row| row.claimed(token)).collect())
}

impl ClaimedRow {
    /// None for an event that a newer version of this service wrote: it waits for a replica that knows it.
    fn claimed(self, token: Uuid) -> Option<Claimed> {
        let Ok(event) = self.event.parse() else {
            tracing::warn!(event = self.event, "an unknown webhook event is left to others");
            return None;
        };
        let target = target(self.url, self.secret, self.previous_secret);
        Some(Claimed {
            id: DeliveryId::new(self.id),
            user_id: self.user_id.into(),
            endpoint: self.endpoint_id.map(EndpointId::new),
            message: Message { event, occurred_at: self.occurred_at, payload: self.payload },
            tries: self.tries.max(0).unsigned_abs(),
            traceparent: self.traceparent,
            token,
            target,
        })
    }
}

fn target(url: Option<String>, secret: Option<String>, previous: Option<String>) -> Option<Target> {
    let (url, secret) = url.zip(secret)?;
    let parsed = Secret::parse(secret).and_then(|current| Ok((current, previous.map(Secret::parse).transpose()?)));
    match parsed {
        Ok((current, previous)) => Some(Target { url, secrets: Secrets { current, previous } }),
        Err(error) => {
            tracing::error!(%error, "a stored secret cannot be used");
            None
        }
    }
}

#[derive(QueryableByName)]
struct WaitRow {
    #[diesel(sql_type = Nullable<Double>)]
    wait: Option<f64>,
}

/// Time until the next message becomes due that is not yet. `None` when there is none.
pub async fn next_due(connection: &mut Connection) -> Result<Option<Duration>, DatabaseError> {
    let row: WaitRow = Statement::new(
        "SELECT extract(epoch FROM min(due_at) - now())::float8 AS wait
         FROM webhook_deliveries WHERE state = 'pending' AND due_at > now()",
    )
    .get_result(connection)
    .await?;
    Ok(row.wait.map(duration))
}

/// Writes what came of an attempt. If it was asked meanwhile that the message is sent again, that is begun now, in the same statement. False: the
/// lease is lost, and nothing was written.
pub async fn record(
    connection: &mut Connection,
    claimed: &Claimed,
    attempt: &Attempt,
    next: Next,
) -> Result<bool, DatabaseError> {
    let (state, pause) = match next {
        Next::Delivered => ("delivered", Duration::ZERO),
        Next::Again(pause) => ("pending", pause),
        Next::GivenUp => ("failed", Duration::ZERO),
    };
    let again = if next == Next::Delivered { "send_again = 'always'" } else { "send_again IS NOT NULL" };
    let written = Statement::new(format!("WITH recorded AS (UPDATE webhook_deliveries SET state = CASE WHEN {again} THEN 'pending' ELSE "))
        .bind::<Text, _>(state)
        .sql(format!(" END, ended_at = CASE WHEN {again} THEN NULL WHEN "))
        .bind::<Bool, _>(state != "pending")
        .sql(format!(
            " THEN now() END, tries = CASE WHEN {again} THEN 0 ELSE tries + 1 END, attempts = attempts + 1, send_again = NULL,
              lease_token = NULL, lease_expires_at = NULL, due_at = CASE WHEN {again} THEN now() ELSE now() + make_interval(secs => "
        ))
        .bind::<Double, _>(pause.as_secs_f64())
        .sql(") END WHERE id = ")
        .bind::<SqlUuid, _>(claimed.id.as_uuid())
        .sql(" AND lease_token = ")
        .bind::<SqlUuid, _>(claimed.token)
        .sql(
            " RETURNING id, attempts)
              INSERT INTO webhook_attempts (delivery_id, number, started_at, duration_ms, status_code, response, error)
              SELECT id, attempts, ",
        )
        .bind::<Timestamptz, _>(attempt.started_at)
        .sql(", ")
        .bind::<Integer, _>(i32::try_from(attempt.duration.as_millis()).unwrap_or(i32::MAX))
        .sql(", ")
        .bind::<Nullable<Integer>, _>(attempt.status.map(i32::from))
        .sql(", ")
        .bind::<Nullable<Text>, _>(attempt.response.as_deref())
        .sql(", ")
        .bind::<Nullable<Text>, _>(attempt.error.as_deref())
        .sql(" FROM recorded")
        .execute(connection)
        .await?;
    Ok(written == 1)
}

/// Ends a message that nobody is there to hear, unless it was asked meanwhile that it is sent again: then somebody may be.
pub async fn give_up(connection: &mut Connection, claimed: &Claimed) -> Result<(), DatabaseError> {
    Statement::new(
        "UPDATE webhook_deliveries
         SET state = CASE WHEN send_again IS NULL THEN 'failed' ELSE 'pending' END, ended_at = CASE WHEN send_again IS NULL THEN now() END,
             send_again = NULL, lease_token = NULL, lease_expires_at = NULL
         WHERE id = ",
    )
    .bind::<SqlUuid, _>(claimed.id.as_uuid())
    .sql(" AND lease_token = ")
    .bind::<SqlUuid, _>(claimed.token)
    .execute(connection)
    .await?;
    Ok(())
}

/// An attempt went well.
pub async fn note_success(connection: &mut Connection, endpoint: EndpointId) -> Result<(), DatabaseError> {
    Statement::new("UPDATE webhook_endpoints SET failing_since = NULL WHERE failing_since IS NOT NULL AND id = ")
        .bind::<SqlUuid, _>(endpoint.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct FailingRow {
    #[diesel(sql_type = Double)]
    failing_for: f64,
}

/// An attempt at this address failed; tells for how long all have failed. `None`: the endpoint was removed, disabled or moved elsewhere.
/// Others cannot change it until the transaction ends.
pub async fn note_failure(
    connection: &mut Connection,
    endpoint: EndpointId,
    url: &str,
) -> Result<Option<Duration>, DatabaseError> {
    let row: Option<FailingRow> =
        Statement::new("UPDATE webhook_endpoints SET failing_since = coalesce(failing_since, now()) WHERE enabled AND id = ")
            .bind::<SqlUuid, _>(endpoint.as_uuid())
            .sql(" AND url = ")
            .bind::<Text, _>(url)
            .sql(" RETURNING extract(epoch FROM now() - failing_since)::float8 AS failing_for")
            .get_result(connection)
            .await
            .optional()?;
    Ok(row.map(|row| duration(row.failing_for)))
}

/// Disables an endpoint that [`note_failure`] found enabled.
pub async fn disable(connection: &mut Connection, endpoint: EndpointId, reason: DisableReason) -> Result<(), DatabaseError> {
    Statement::new("UPDATE webhook_endpoints SET enabled = false, disabled_at = now(), updated_at = now(), disabled_reason = ")
        .bind::<Text, _>(reason.as_str())
        .sql(" WHERE id = ")
        .bind::<SqlUuid, _>(endpoint.as_uuid())
        .execute(connection)
        .await?;
    Ok(())
}

/// As far as a backlog is counted.
const COUNTED: i64 = 10_000;

/// What waits.
#[derive(QueryableByName)]
pub struct Backlog {
    /// Up to [`COUNTED`].
    #[diesel(sql_type = Integer)]
    pub pending: i32,
    /// How long the longest due message has waited.
    #[diesel(sql_type = Double)]
    pub overdue_seconds: f64,
}

pub async fn backlog(connection: &mut Connection) -> Result<Backlog, DatabaseError> {
    let backlog = Statement::new("SELECT (SELECT count(*) FROM (SELECT FROM webhook_deliveries WHERE state = 'pending' LIMIT ")
        .bind::<BigInt, _>(COUNTED)
        .sql(
            ") AS counted)::int4 AS pending,
              greatest(0, coalesce(extract(epoch FROM now() - (
                  SELECT min(due_at) FROM webhook_deliveries WHERE state = 'pending')), 0))::float8 AS overdue_seconds",
        )
        .get_result(connection)
        .await?;
    Ok(backlog)
}

/// Forgets a batch of messages that were written down before a moment, with their attempts; tells how many.
pub async fn forget(connection: &mut Connection, before: DateTime<Utc>) -> QueryResult<usize> {
    Statement::new(
        "WITH old AS MATERIALIZED (
            SELECT id FROM webhook_deliveries WHERE created_at < ",
    )
    .bind::<Timestamptz, _>(before)
    .sql(" ORDER BY created_at LIMIT ")
    .bind::<BigInt, _>(PRUNE_BATCH)
    .sql(
        " FOR UPDATE SKIP LOCKED
         )
         DELETE FROM webhook_deliveries USING old WHERE webhook_deliveries.id = old.id",
    )
    .execute(connection)
    .await
}
