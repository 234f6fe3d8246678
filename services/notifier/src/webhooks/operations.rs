use std::sync::Arc;

use chrono::Utc;
use secrecy::SecretString;
use tokio::sync::Notify;
use zoetrope_domain::AccountOwner;
use zoetrope_egress::{Client, Destinations};
use zoetrope_postgres::{Connection, Database, DatabaseError};
use zoetrope_service::trace::current_traceparent;

use super::{
    Delivery, DeliveryId, DeliveryPage, Endpoint, EndpointChange, EndpointId, NewEndpoint, Recipient, Replay, Secret,
    WebhookSettings,
};
use crate::store::{
    owners::{self, PresentOwner},
    webhooks::{deliveries, endpoints, events, secrets},
};

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
    /// Whoever asks was one of the account's owners before.
    #[error("this session has ended")]
    AnotherOwner,
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
    pub async fn create(&self, owner: AccountOwner, new: NewEndpoint) -> Result<(Endpoint, SecretString), WebhookError> {
        let (secret, now, limit) = (Secret::generate(), Utc::now(), self.settings.max_endpoints.get());
        let (new, signing) = (&new, &secret);
        let endpoint = self
            .database
            .transaction("create_webhook", async |connection| {
                let present = enter(connection, owner).await?;
                if endpoints::lock_count(connection, &present).await? >= i64::from(limit) {
                    return Err(WebhookError::TooMany(limit));
                }
                Ok(endpoints::insert(connection, &present, new, signing, now).await?)
            })
            .await?;
        Ok((endpoint, secret.reveal().clone()))
    }

    /// All of a user's endpoints.
    pub async fn list(&self, owner: AccountOwner) -> Result<Vec<Endpoint>, WebhookError> {
        let body = async |connection: &mut _| {
            let present = enter(connection, owner).await?;
            Ok::<_, WebhookError>(endpoints::list(connection, &present).await?)
        };
        self.database.transaction("list_webhooks", body).await
    }

    pub async fn find(&self, owner: AccountOwner, id: EndpointId) -> Result<Endpoint, WebhookError> {
        let body = async |connection: &mut _| {
            let present = enter(connection, owner).await?;
            find(connection, &present, id).await
        };
        self.database.transaction("show_webhook", body).await
    }

    /// What waits for an endpoint that is disabled is given up.
    pub async fn change(&self, owner: AccountOwner, id: EndpointId, change: EndpointChange) -> Result<Endpoint, WebhookError> {
        let (now, change) = (Utc::now(), &change);
        self.database
            .transaction("change_webhook", async |connection| {
                let present = enter(connection, owner).await?;
                let before = endpoints::lock(connection, &present, id).await?.ok_or(WebhookError::NoEndpoint)?;
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

    pub async fn delete(&self, owner: AccountOwner, id: EndpointId) -> Result<(), WebhookError> {
        self.database
            .transaction("delete_webhook", async |connection| {
                let present = enter(connection, owner).await?;
                if !endpoints::delete(connection, &present, id).await? {
                    return Err(WebhookError::NoEndpoint);
                }
                Ok(endpoints::give_up_pending(connection, id).await?)
            })
            .await
    }

    /// Replaces an endpoint's secret. The one before goes on to sign for a while.
    pub async fn rotate_secret(&self, owner: AccountOwner, id: EndpointId) -> Result<(Endpoint, SecretString), WebhookError> {
        let secret = Secret::generate();
        let (signing, overlap) = (&secret, self.settings.secret_overlap);
        let endpoint = self
            .database
            .transaction("rotate_webhook_secret", async |connection| {
                let present = enter(connection, owner).await?;
                if !secrets::rotate(connection, &present, id, signing, overlap).await? {
                    return Err(WebhookError::NoEndpoint);
                }
                find(connection, &present, id).await
            })
            .await?;
        Ok((endpoint, secret.reveal().clone()))
    }

    /// What signs the messages to the addresses of a user's tasks.
    pub async fn callback_secret(&self, owner: AccountOwner) -> Result<SecretString, WebhookError> {
        let body = async |connection: &mut _| {
            let present = enter(connection, owner).await?;
            secrets::ensure(connection, &present, &Secret::generate()).await?;
            Ok::<_, WebhookError>(secrets::of_callbacks(connection, &present).await?)
        };
        self.database.transaction("show_callback_secret", body).await
    }

    /// Replaces it. The one before goes on to sign for a while.
    pub async fn rotate_callback_secret(&self, owner: AccountOwner) -> Result<SecretString, WebhookError> {
        let secret = Secret::generate();
        let (signing, overlap) = (&secret, self.settings.secret_overlap);
        let body = async |connection: &mut _| {
            let present = enter(connection, owner).await?;
            Ok::<_, WebhookError>(secrets::rotate_callbacks(connection, &present, signing, overlap).await?)
        };
        self.database.transaction("rotate_callback_secret", body).await?;
        Ok(secret.reveal().clone())
    }

    /// Sends a test.
    pub async fn test(&self, owner: AccountOwner, id: EndpointId) -> Result<Delivery, WebhookError> {
        let (now, traceparent) = (Utc::now(), current_traceparent());
        let traceparent = traceparent.as_deref();
        let delivery = self
            .database
            .transaction("test_webhook", async |connection| {
                let present = enter(connection, owner).await?;
                let endpoint = lock_enabled(connection, &present, id).await?;
                let delivery = events::tell_test(connection, &endpoint, now, traceparent).await?;
                find_delivery(connection, Recipient::Endpoint(id), delivery).await
            })
            .await?;
        self.work.notify_one();
        Ok(delivery)
    }

    /// A page of an endpoint's deliveries, and how many there are on all pages.
    pub async fn deliveries(
        &self,
        owner: AccountOwner,
        id: EndpointId,
        page: &DeliveryPage,
    ) -> Result<(Vec<Delivery>, i64), WebhookError> {
        let body = async |connection: &mut _| {
            let present = enter(connection, owner).await?;
            find(connection, &present, id).await?;
            Ok::<_, WebhookError>(deliveries::list(connection, Recipient::Endpoint(id), page).await?)
        };
        self.database.transaction("list_webhook_deliveries", body).await
    }

    /// A page of what was told to the addresses of a user's tasks, and how much there is on all pages.
    pub async fn callback_deliveries(
        &self,
        owner: AccountOwner,
        page: &DeliveryPage,
    ) -> Result<(Vec<Delivery>, i64), WebhookError> {
        let body = async |connection: &mut _| {
            let present = enter(connection, owner).await?;
            Ok::<_, WebhookError>(deliveries::list(connection, Recipient::Callbacks(present.user()), page).await?)
        };
        self.database.transaction("list_callback_deliveries", body).await
    }

    pub async fn callback_delivery(&self, owner: AccountOwner, delivery: DeliveryId) -> Result<Delivery, WebhookError> {
        let body = async |connection: &mut _| {
            let present = enter(connection, owner).await?;
            find_delivery(connection, Recipient::Callbacks(present.user()), delivery).await
        };
        self.database.transaction("show_callback_delivery", body).await
    }

    /// [`resend`](Self::resend) to the address of a task.
    pub async fn resend_callback(&self, owner: AccountOwner, delivery: DeliveryId) -> Result<Delivery, WebhookError> {
        let body = async |connection: &mut _| {
            let present = enter(connection, owner).await?;
            send_again(connection, Recipient::Callbacks(present.user()), delivery).await
        };
        let delivery = self.database.transaction("resend_callback", body).await?;
        self.work.notify_one();
        Ok(delivery)
    }

    /// Begins a delivery anew, whatever came of it. An attempt that is under way is no answer to it: another one begins after it.
    pub async fn resend(&self, owner: AccountOwner, id: EndpointId, delivery: DeliveryId) -> Result<Delivery, WebhookError> {
        let delivery = self
            .database
            .transaction("resend_webhook", async |connection| {
                let present = enter(connection, owner).await?;
                lock_enabled(connection, &present, id).await?;
                send_again(connection, Recipient::Endpoint(id), delivery).await
            })
            .await?;
        self.work.notify_one();
        Ok(delivery)
    }

    /// Begins the deliveries of a time anew, and those that the endpoint has missed. Tells how many.
    pub async fn replay(&self, owner: AccountOwner, id: EndpointId, range: Replay) -> Result<usize, WebhookError> {
        let replayed = self
            .database
            .transaction("replay_webhooks", async |connection| {
                let present = enter(connection, owner).await?;
                let endpoint = lock_enabled(connection, &present, id).await?;
                let again = deliveries::replay(connection, id, &range).await?;
                let missed = if range.failed_only { 0 } else { deliveries::tell_missed(connection, &endpoint, &range).await? };
                Ok::<_, WebhookError>(again + missed)
            })
            .await?;
        self.work.notify_one();
        Ok(replayed)
    }
}

/// What every operation begins with.
async fn enter(connection: &mut Connection, owner: AccountOwner) -> Result<PresentOwner, WebhookError> {
    owners::enter(connection, owner).await?.ok_or(WebhookError::AnotherOwner)
}

async fn find(connection: &mut Connection, owner: &PresentOwner, id: EndpointId) -> Result<Endpoint, WebhookError> {
    endpoints::find(connection, owner, id).await?.ok_or(WebhookError::NoEndpoint)
}

async fn find_delivery(connection: &mut Connection, of: Recipient, id: DeliveryId) -> Result<Delivery, WebhookError> {
    deliveries::find(connection, of, id).await?.ok_or(WebhookError::NoDelivery)
}

async fn send_again(connection: &mut Connection, of: Recipient, id: DeliveryId) -> Result<Delivery, WebhookError> {
    find_delivery(connection, of, id).await?;
    deliveries::resend(connection, id).await?;
    find_delivery(connection, of, id).await
}

/// The endpoint comes before its messages, as everywhere, so that nobody waits in a circle.
async fn lock_enabled(connection: &mut Connection, owner: &PresentOwner, id: EndpointId) -> Result<Endpoint, WebhookError> {
    let endpoint = endpoints::lock(connection, owner, id).await?.ok_or(WebhookError::NoEndpoint)?;
    if endpoint.is_enabled() { Ok(endpoint) } else { Err(WebhookError::Disabled) }
}
