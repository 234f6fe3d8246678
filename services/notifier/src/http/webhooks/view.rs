use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use zoetrope_http::iso_millis;

use crate::webhooks::{Attempt, Delivery, DeliveryState, Endpoint};

/// A webhook as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookView {
    #[schema(example = "0198c0de-0000-7000-8000-000000000000")]
    id: String,
    url: String,
    description: String,
    #[schema(example = json!(["task.completed", "task.failed", "task.cancelled"]))]
    events: Vec<&'static str>,
    enabled: bool,
    /// `OWNER`; `GONE`, it answered 410; or `FAILING`, all attempts of days failed.
    disabled_reason: Option<String>,
    #[serde(serialize_with = "optional_iso_millis")]
    disabled_at: Option<DateTime<Utc>>,
    /// The first of the failed attempts since the last that went well.
    #[serde(serialize_with = "optional_iso_millis")]
    failing_since: Option<DateTime<Utc>>,
    #[serde(serialize_with = "iso_millis")]
    created_at: DateTime<Utc>,
    #[serde(serialize_with = "iso_millis")]
    updated_at: DateTime<Utc>,
}

/// A webhook with its secret, which is shown only here.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewWebhookView {
    #[serde(flatten)]
    webhook: WebhookView,
    /// Verifies the signatures.
    #[schema(example = "whsec_…")]
    secret: String,
}

/// All webhooks of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookList {
    webhooks: Vec<WebhookView>,
}

/// What signs the messages to the addresses that are named task by task.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallbackSecretView {
    #[schema(example = "whsec_…")]
    secret: String,
}

/// One message to one address.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    id: String,
    /// What came, or will come, as `webhook-id`.
    #[schema(example = "msg_0198c0de000070008000000000000000")]
    webhook_id: String,
    #[schema(example = "task.completed")]
    r#type: &'static str,
    /// The task that it tells of; `null` for a test.
    #[schema(example = "video_0198c0de-0000-7000-8000-000000000000")]
    video_id: Option<String>,
    /// The task's own address (`callbackUrl`); `null` for a message to a webhook.
    #[schema(example = json!(null))]
    callback_url: Option<String>,
    /// `PENDING`, `DELIVERED`, `FAILED` (given up) or `SUPERSEDED` (progress that a newer state overtook).
    #[schema(example = "DELIVERED")]
    status: String,
    attempts: Vec<AttemptView>,
    /// While it is pending.
    #[serde(serialize_with = "optional_iso_millis")]
    next_attempt_at: Option<DateTime<Utc>>,
    /// When what it tells of happened.
    #[serde(serialize_with = "iso_millis")]
    occurred_at: DateTime<Utc>,
    #[serde(serialize_with = "optional_iso_millis")]
    ended_at: Option<DateTime<Utc>>,
}

/// One request, and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    #[serde(serialize_with = "iso_millis")]
    started_at: DateTime<Utc>,
    duration_millis: u64,
    /// `null` when no answer came.
    #[schema(example = 204)]
    status_code: Option<u16>,
    /// The first 1024 bytes of the answer.
    response: Option<String>,
    /// Why there was no answer, or why it does not count.
    error: Option<String>,
}

/// One page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryList {
    deliveries: Vec<DeliveryView>,
    /// On all pages.
    total: i64,
    #[schema(format = Int64)]
    page: u32,
    page_size: u32,
}

/// What a replay has begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayView {
    /// How many messages are sent, or sent again.
    pub deliveries: usize,
}

impl From<Endpoint> for WebhookView {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id.to_string(),
            enabled: endpoint.is_enabled(),
            url: endpoint.url,
            description: endpoint.description,
            events: endpoint.events.iter().map(|event| event.as_str()).collect(),
            disabled_reason: endpoint.disabled.map(|disabled| disabled.reason.as_str().to_ascii_uppercase()),
            disabled_at: endpoint.disabled.map(|disabled| disabled.at),
            failing_since: endpoint.failing_since,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}

impl NewWebhookView {
    pub fn new(endpoint: Endpoint, secret: &SecretString) -> Self {
        Self { webhook: endpoint.into(), secret: secret.expose_secret().to_owned() }
    }
}

impl WebhookList {
    pub fn new(endpoints: Vec<Endpoint>) -> Self {
        Self { webhooks: endpoints.into_iter().map(WebhookView::from).collect() }
    }
}

impl CallbackSecretView {
    pub fn new(secret: &SecretString) -> Self {
        Self { secret: secret.expose_secret().to_owned() }
    }
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            webhook_id: delivery.id.to_webhook_id(),
            r#type: delivery.event.as_str(),
            video_id: delivery.task_id.map(|task| task.to_video_id()),
            callback_url: delivery.callback_url,
            status: delivery.state.as_str().to_ascii_uppercase(),
            next_attempt_at: (delivery.state == DeliveryState::Pending).then_some(delivery.due_at),
            occurred_at: delivery.occurred_at,
            ended_at: delivery.ended_at,
            attempts: delivery.attempts.into_iter().map(AttemptView::from).collect(),
        }
    }
}

impl From<Attempt> for AttemptView {
    fn from(attempt: Attempt) -> Self {
        Self {
            started_at: attempt.started_at,
            duration_millis: u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX),
            status_code: attempt.status,
            response: attempt.response,
            error: attempt.error,
        }
    }
}

impl DeliveryList {
    pub fn new(deliveries: Vec<Delivery>, total: i64, page: u32, page_size: u32) -> Self {
        Self { deliveries: deliveries.into_iter().map(DeliveryView::from).collect(), total, page, page_size }
    }
}

fn optional_iso_millis<S: Serializer>(moment: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match moment {
        Some(moment) => iso_millis(moment, serializer),
        None => serializer.serialize_none(),
    }
}
