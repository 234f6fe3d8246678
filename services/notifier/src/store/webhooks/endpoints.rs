use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use secrecy::ExposeSecret;
use uuid::Uuid;
use zoetrope_postgres::{Connection, DatabaseError, Statement};

use super::unreadable;
use crate::{
    store::{owners::PresentOwner, schema::webhook_endpoints},
    webhooks::{DisableReason, Disabled, Endpoint, EndpointId, EventType, NewEndpoint, Secret},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_endpoints, check_for_backend(diesel::pg::Pg))]
struct EndpointRow {
    id: Uuid,
    user_id: Uuid,
    url: String,
    description: String,
    events: Vec<String>,
    disabled_reason: Option<String>,
    disabled_at: Option<DateTime<Utc>>,
    failing_since: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<EndpointRow> for Endpoint {
    type Error = diesel::result::Error;

    fn try_from(row: EndpointRow) -> QueryResult<Self> {
        let disabled = row.disabled_reason.zip(row.disabled_at);
        let disabled =
            disabled.map(|(reason, at)| Ok::<_, Self::Error>(Disabled { reason: reason.parse().map_err(unreadable)?, at }));
        Ok(Self {
            id: EndpointId::new(row.id),
            user_id: row.user_id.into(),
            url: row.url,
            description: row.description,
            // An event that a newer version of this service offers is kept, and unknown here.
            events: row.events.iter().filter_map(|event| event.parse().ok()).collect(),
            disabled: disabled.transpose()?,
            failing_since: row.failing_since,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

fn words(events: &[EventType]) -> Vec<&'static str> {
    events.iter().map(|event| event.as_str()).collect()
}

/// Makes this transaction the only one that adds to the user's endpoints, and counts them.
pub async fn lock_count(connection: &mut Connection, owner: &PresentOwner) -> Result<i64, DatabaseError> {
    Statement::new("SELECT pg_advisory_xact_lock(hashtextextended('webhook endpoints of ' || ")
        .bind::<Text, _>(owner.user().to_string())
        .sql(", 0))")
        .execute(connection)
        .await?;
    Ok(webhook_endpoints::table
        .filter(webhook_endpoints::user_id.eq(owner.user().as_uuid()))
        .count()
        .get_result(connection)
        .await?)
}

pub async fn insert(
    connection: &mut Connection,
    owner: &PresentOwner,
    new: &NewEndpoint,
    secret: &Secret,
    now: DateTime<Utc>,
) -> Result<Endpoint, DatabaseError> {
    let disabled = (!new.enabled).then_some(DisableReason::Owner);
    let row: EndpointRow = diesel::insert_into(webhook_endpoints::table)
        .values((
            webhook_endpoints::id.eq(EndpointId::generate().as_uuid()),
            webhook_endpoints::user_id.eq(owner.user().as_uuid()),
            webhook_endpoints::url.eq(new.url.as_str()),
            webhook_endpoints::description.eq(&new.description),
            webhook_endpoints::events.eq(words(&new.events)),
            webhook_endpoints::enabled.eq(new.enabled),
            webhook_endpoints::disabled_reason.eq(disabled.map(DisableReason::as_str)),
            webhook_endpoints::disabled_at.eq(disabled.map(|_| now)),
            webhook_endpoints::secret.eq(secret.reveal().expose_secret()),
            webhook_endpoints::created_at.eq(now),
            webhook_endpoints::updated_at.eq(now),
        ))
        .returning(EndpointRow::as_returning())
        .get_result(connection)
        .await?;
    Ok(row.try_into()?)
}

/// A user's endpoints, the oldest first.
pub async fn list(connection: &mut Connection, owner: &PresentOwner) -> Result<Vec<Endpoint>, DatabaseError> {
    let rows: Vec<EndpointRow> = webhook_endpoints::table
        .filter(webhook_endpoints::user_id.eq(owner.user().as_uuid()))
        .order((webhook_endpoints::created_at, webhook_endpoints::id))
        .select(EndpointRow::as_select())
        .load(connection)
        .await?;
    Ok(rows.into_iter().map(Endpoint::try_from).collect::<QueryResult<_>>()?)
}

/// A user's own endpoint.
pub async fn find(connection: &mut Connection, owner: &PresentOwner, id: EndpointId) -> Result<Option<Endpoint>, DatabaseError> {
    let row: Option<EndpointRow> = webhook_endpoints::table
        .find(id.as_uuid())
        .filter(webhook_endpoints::user_id.eq(owner.user().as_uuid()))
        .select(EndpointRow::as_select())
        .first(connection)
        .await
        .optional()?;
    Ok(row.map(Endpoint::try_from).transpose()?)
}

/// [`find`], and keeps others from changing it until the transaction ends.
pub async fn lock(connection: &mut Connection, owner: &PresentOwner, id: EndpointId) -> Result<Option<Endpoint>, DatabaseError> {
    let row: Option<EndpointRow> = webhook_endpoints::table
        .find(id.as_uuid())
        .filter(webhook_endpoints::user_id.eq(owner.user().as_uuid()))
        .select(EndpointRow::as_select())
        .for_update()
        .first(connection)
        .await
        .optional()?;
    Ok(row.map(Endpoint::try_from).transpose()?)
}

/// Writes a locked endpoint.
pub async fn update(connection: &mut Connection, endpoint: &Endpoint) -> Result<(), DatabaseError> {
    diesel::update(webhook_endpoints::table.find(endpoint.id.as_uuid()))
        .set((
            webhook_endpoints::url.eq(&endpoint.url),
            webhook_endpoints::description.eq(&endpoint.description),
            webhook_endpoints::events.eq(words(&endpoint.events)),
            webhook_endpoints::enabled.eq(endpoint.is_enabled()),
            webhook_endpoints::disabled_reason.eq(endpoint.disabled.map(|disabled| disabled.reason.as_str())),
            webhook_endpoints::disabled_at.eq(endpoint.disabled.map(|disabled| disabled.at)),
            webhook_endpoints::failing_since.eq(endpoint.failing_since),
            webhook_endpoints::updated_at.eq(endpoint.updated_at),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// False: it is not this user's.
pub async fn delete(connection: &mut Connection, owner: &PresentOwner, id: EndpointId) -> Result<bool, DatabaseError> {
    let own = webhook_endpoints::table.find(id.as_uuid()).filter(webhook_endpoints::user_id.eq(owner.user().as_uuid()));
    Ok(diesel::delete(own).execute(connection).await? == 1)
}

/// Gives up what is still to be told to an endpoint that hears nothing any more. What is on its way ends by itself.
pub async fn give_up_pending(connection: &mut Connection, id: EndpointId) -> Result<(), DatabaseError> {
    Statement::new(
        "UPDATE webhook_deliveries SET state = 'failed', ended_at = now(), lease_token = NULL, lease_expires_at = NULL
         WHERE state = 'pending' AND (lease_token IS NULL OR lease_expires_at <= now()) AND lane = ",
    )
    .bind::<SqlUuid, _>(id.as_uuid())
    .execute(connection)
    .await?;
    Ok(())
}
