use actix_web::{HttpResponse, web::Data};
use zoetrope_http::{
    CurrentUser, Json, Path, Problem, ProblemBody,
    envelope::{Envelope, success, success_with_message},
};
use zoetrope_service::run_to_end;

use super::{
    body::WebhookBody,
    view::{NewWebhookView, WebhookList, WebhookView},
};
use crate::webhooks::{EndpointId, Webhooks};

/// Create a webhook.
///
/// From now on its address is told of your tasks, by the [Standard Webhooks](https://www.standardwebhooks.com) specification: `POST` with a
/// JSON body `{ "type", "timestamp", "data" }` and the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`, which is
/// `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body` by the secret in this answer; while two secrets are valid there are two,
/// separated by a space. `data` is the task: `id`, `status`, `progress`, `version`, `model`, `duration`, `size`, `videoUrl`, `thumbnailUrl`,
/// `fileSize`, `error`, `createdAt`, `startedAt`, `completedAt`, `updatedAt`.
///
/// Any 2xx within 20 s is a success. Anything else, redirects included, is tried again, ten times over three days, after the time that a
/// `Retry-After` asks for with 429 or 503. A message may come twice, with the same `webhook-id`, and messages may overtake each other: `version`
/// tells the newer state. An address that answers 410, or at which all attempts fail for five days, is disabled, and a mail tells you so.
///
/// The secret is not shown again.
#[utoipa::path(
    post,
    path = "/api/webhooks",
    operation_id = "create_webhook",
    tag = "webhooks",
    request_body = WebhookBody,
    responses(
        (status = 201, description = "The new webhook with its secret", body = Envelope<NewWebhookView>),
        (status = 400, description = "A field is missing or wrong", body = ProblemBody),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 409, description = "There are as many as there may be", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn create(webhooks: Data<Webhooks>, user: CurrentUser, Json(body): Json<WebhookBody>) -> Result<HttpResponse, Problem> {
    let new = body.endpoint(webhooks.destinations()).map_err(Problem::validation)?;
    let (endpoint, secret) = run_to_end(async move { webhooks.create(user.owner(), new).await }).await?;
    Ok(HttpResponse::Created().json(success_with_message("webhook created", NewWebhookView::new(endpoint, &secret))))
}

/// List the own webhooks.
#[utoipa::path(
    get,
    path = "/api/webhooks",
    operation_id = "list_webhooks",
    tag = "webhooks",
    responses(
        (status = 200, description = "All of them, the oldest first", body = Envelope<WebhookList>),
        (status = 401, description = "No good token", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn list(webhooks: Data<Webhooks>, user: CurrentUser) -> Result<Envelope<WebhookList>, Problem> {
    Ok(success(WebhookList::new(webhooks.list(user.owner()).await?)))
}

/// Show a webhook.
#[utoipa::path(
    get,
    path = "/api/webhooks/{webhookId}",
    operation_id = "show_webhook",
    tag = "webhooks",
    params(("webhookId" = Uuid, Path)),
    responses(
        (status = 200, description = "The webhook", body = Envelope<WebhookView>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such webhook, or another user's", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn show(
    webhooks: Data<Webhooks>,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
) -> Result<Envelope<WebhookView>, Problem> {
    Ok(success(webhooks.find(user.owner(), id).await?.into()))
}

/// Change a webhook.
///
/// What waits for one that is disabled is given up; a replay brings it back.
#[utoipa::path(
    patch,
    path = "/api/webhooks/{webhookId}",
    operation_id = "change_webhook",
    tag = "webhooks",
    params(("webhookId" = Uuid, Path)),
    request_body = WebhookBody,
    responses(
        (status = 200, description = "The webhook", body = Envelope<WebhookView>),
        (status = 400, description = "A field is wrong", body = ProblemBody),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such webhook, or another user's", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn change(
    webhooks: Data<Webhooks>,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
    Json(body): Json<WebhookBody>,
) -> Result<Envelope<WebhookView>, Problem> {
    let change = body.change(webhooks.destinations()).map_err(Problem::validation)?;
    let endpoint = run_to_end(async move { webhooks.change(user.owner(), id, change).await }).await?;
    Ok(success_with_message("webhook changed", endpoint.into()))
}

/// Delete a webhook.
#[utoipa::path(
    delete,
    path = "/api/webhooks/{webhookId}",
    operation_id = "delete_webhook",
    tag = "webhooks",
    params(("webhookId" = Uuid, Path)),
    responses(
        (status = 204, description = "It is gone, and hears nothing more"),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such webhook, or another user's", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn remove(webhooks: Data<Webhooks>, user: CurrentUser, Path(id): Path<EndpointId>) -> Result<HttpResponse, Problem> {
    run_to_end(async move { webhooks.delete(user.owner(), id).await }).await?;
    Ok(HttpResponse::NoContent().finish())
}
