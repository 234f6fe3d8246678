use std::sync::Arc;

use chrono::Utc;
use secrecy::SecretString;
use tokio::sync::Notify;
use zoetrope_domain::UserId;
use zoetrope_egress::{Client, Destinations};
use zoetrope_postgres::{Connection, Database, DatabaseError};
use zoetrope_service::trace::current_traceparent;

use super::{
    Delivery, DeliveryId, DeliveryPage, Endpoint, EndpointChange, EndpointId, NewEndpoint, Replay, Secret, WebhookSettings,
};
use crate::store::webhooks::{deliveries, endpoints, events, secrets};

/// What users do with their endpoints. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    database: Database,
    client: Client,
    settings: Arc<WebhookSettings>,
    /// Wakes the dispatcher.
    work: Arc<Notify>,
}

#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Or another user's.
    #[error("there is no such webhook")]
    NoEndpoint,
    #[error("there is no such delivery")]
    NoDelivery,
    #[error("there may be {0} webhooks; delete one first")]
    TooMany(u8),
    #[error("the webhook is disabled; enable it first")]
    Disabled,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Webhooks {
    pub fn new(database: Database, client: Client, settings: Arc<WebhookSettings>, work: Arc<Notify>) -> Self {
        Self { database, client, settings, work }
    }

    /// Where messages may go.
    pub fn destinations(&self) -> &Destinations {
        self.client.destinations()
    }

    /// Makes an endpoint, and its secret.
    pub async fn create(&self, user: UserId, new: NewEndpoint) -> Result<(Endpoint, SecretString), WebhookError> {
        let (secret, now, limit) = (Secret::generate(), Utc::now(), self.settings.max_endpoints.get());
        let (new, signing) = (&new, &secret);
        let endpoint = self
            .database
            .transaction("create_webhook", async |connection| {
                if endpoints::lock_count(connection, user).await? >= i64::from(limit) {
                    return Err(WebhookError::TooMany(limit));
                }
                Ok(endpoints::insert(connection, user, new, signing, now).await?)
            })
            .await?;
        Ok((endpoint, secret.reveal().clone()))
    }

    /// All of a user's endpoints.
    pub async fn list(&self, user: UserId) -> Result<Vec<Endpoint>, WebhookError> {
        Ok(endpoints::list(&mut *self.database.connection().await?, user).await?)
    }

    pub async fn find(&self, user: UserId, id: EndpointId) -> Result<Endpoint, WebhookError> {
        find(&mut *self.database.connection().await?, user, id).await
    }

    /// What waits for an endpoint that is disabled is given up.
    pub async fn change(&self, user: UserId, id: EndpointId, change: EndpointChange) -> Result<Endpoint, WebhookError> {
        let (now, change) = (Utc::now(), &change);
        self.database
            .transaction("change_webhook", async |connection| {
                let before = endpoints::lock(connection, user, id).await?.ok_or(WebhookError::NoEndpoint)?;
                let was_enabled = before.is_enabled();
                let after = before.changed(change.clone(), now);
                endpoints::update(connection, &after).await?;
                if was_enabled && !after.is_enabled() {
                    endpoints::give_up_pending(connection, id).await?;
                }
                Ok(after)
            })
            .await
    }

    pub async fn delete(&self, user: UserId, id: EndpointId) -> Result<(), WebhookError> {
        self.database
            .transaction("delete_webhook", async |connection| {
                if !endpoints::delete(connection, user, id).await? {
                    return Err(WebhookError::NoEndpoint);
                }
                Ok(endpoints::give_up_pending(connection, id).await?)
            })
            .await
    }

    /// Replaces an endpoint's secret. The one before goes on to sign for a while.
    pub async fn rotate_secret(&self, user: UserId, id: EndpointId) -> Result<(Endpoint, SecretString), WebhookError> {
        let secret = Secret::generate();
        let (signing, overlap) = (&secret, self.settings.secret_overlap);
        let endpoint = self
            .database
            .transaction("rotate_webhook_secret", async |connection| {
                if !secrets::rotate(connection, user, id, signing, overlap).await? {
                    return Err(WebhookError::NoEndpoint);
                }
                find(connection, user, id).await
            })
            .await?;
        Ok((endpoint, secret.reveal().clone()))
    }

    /// What signs the messages to the addresses of a user's tasks.
    pub async fn callback_secret(&self, user: UserId) -> Result<SecretString, WebhookError> {
        let mut connection = self.database.connection().await?;
        secrets::ensure(&mut connection, user, &Secret::generate()).await?;
        Ok(secrets::of_callbacks(&mut connection, user).await?)
    }

    /// Replaces it. The one before goes on to sign for a while.
    pub async fn rotate_callback_secret(&self, user: UserId) -> Result<SecretString, WebhookError> {
        let secret = Secret::generate();
        let mut connection = self.database.connection().await?;
        secrets::rotate_callbacks(&mut connection, user, &secret, self.settings.secret_overlap).await?;
        Ok(secret.reveal().clone())
    }

    /// Sends a test.
    pub async fn test(&self, user: UserId, id: EndpointId) -> Result<Delivery, WebhookError> {
        let (now, traceparent) = (Utc::now(), current_traceparent());
        let traceparent = traceparent.as_deref();
        let delivery = self
            .database
            .transaction("test_webhook", async |connection| {
                let endpoint = find_enabled(connection, user, id).await?;
                let delivery = events::tell_test(connection, &endpoint, now, traceparent).await?;
                deliveries::find(connection, id, delivery).await?.ok_or(WebhookError::NoDelivery)
            })
            .await?;
        self.work.notify_one();
        Ok(delivery)
    }

    /// A page of an endpoint's deliveries, and how many there are on all pages.
    pub async fn deliveries(
        &self,
        user: UserId,
        id: EndpointId,
        page: &DeliveryPage,
    ) -> Result<(Vec<Delivery>, i64), WebhookError> {
        let mut connection = self.database.connection().await?;
        find(&mut connection, user, id).await?;
        Ok(deliveries::list(&mut connection, id, page).await?)
    }

    /// Begins a delivery anew, whatever came of it.
    pub async fn resend(&self, user: UserId, id: EndpointId, delivery: DeliveryId) -> Result<Delivery, WebhookError> {
        let delivery = self
            .database
            .transaction("resend_webhook", async |connection| {
                find_enabled(connection, user, id).await?;
                deliveries::find(connection, id, delivery).await?.ok_or(WebhookError::NoDelivery)?;
                deliveries::resend(connection, delivery).await?;
                deliveries::find(connection, id, delivery).await?.ok_or(WebhookError::NoDelivery)
            })
            .await?;
        self.work.notify_one();
        Ok(delivery)
    }

    /// Begins the deliveries of a time anew, and those that the endpoint has missed. Tells how many.
    pub async fn replay(&self, user: UserId, id: EndpointId, range: Replay) -> Result<usize, WebhookError> {
        let replayed = self
            .database
            .transaction("replay_webhooks", async |connection| {
                let endpoint = find_enabled(connection, user, id).await?;
                let again = deliveries::replay(connection, id, &range).await?;
                let missed = if range.failed_only { 0 } else { deliveries::tell_missed(connection, &endpoint, &range).await? };
                Ok::<_, WebhookError>(again + missed)
            })
            .await?;
        self.work.notify_one();
        Ok(replayed)
    }
}

async fn find(connection: &mut Connection, user: UserId, id: EndpointId) -> Result<Endpoint, WebhookError> {
    endpoints::find(connection, user, id).await?.ok_or(WebhookError::NoEndpoint)
}

async fn find_enabled(connection: &mut Connection, user: UserId, id: EndpointId) -> Result<Endpoint, WebhookError> {
    let endpoint = find(connection, user, id).await?;
    if endpoint.is_enabled() { Ok(endpoint) } else { Err(WebhookError::Disabled) }
}
