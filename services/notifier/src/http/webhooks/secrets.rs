use actix_web::web::Data;
use zoetrope_http::{
    CurrentUser, Path, Problem, ProblemBody,
    envelope::{Envelope, success, success_with_message},
};
use zoetrope_service::run_to_end;

use super::view::{CallbackSecretView, NewWebhookView};
use crate::webhooks::{EndpointId, Webhooks};

/// Replace a webhook's secret.
///
/// For 24 hours the one before signs as well, so that a receiver can change over at leisure. There are never more than two.
#[utoipa::path(
    post,
    path = "/api/webhooks/{webhookId}/rotate-secret",
    operation_id = "rotate_webhook_secret",
    tag = "webhooks",
    params(("webhookId" = Uuid, Path)),
    responses(
        (status = 200, description = "The webhook with its new secret, which is not shown again", body = Envelope<NewWebhookView>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such webhook, or another user's", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn rotate_secret(
    webhooks: Data<Webhooks>,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
) -> Result<Envelope<NewWebhookView>, Problem> {
    let (endpoint, secret) = run_to_end(async move { webhooks.rotate_secret(user.owner(), id).await }).await?;
    Ok(success_with_message("secret replaced", NewWebhookView::new(endpoint, &secret)))
}

/// Show the secret for callbacks.
///
/// It signs what is told to the `callbackUrl` of your tasks, in the same way as a webhook's. It is made when it is first needed.
#[utoipa::path(
    get,
    path = "/api/webhooks/callback-secret",
    operation_id = "show_callback_secret",
    tag = "webhooks",
    responses(
        (status = 200, description = "The secret", body = Envelope<CallbackSecretView>),
        (status = 401, description = "No good token", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn callback_secret(webhooks: Data<Webhooks>, user: CurrentUser) -> Result<Envelope<CallbackSecretView>, Problem> {
    let secret = run_to_end(async move { webhooks.callback_secret(user.owner()).await }).await?;
    Ok(success(CallbackSecretView::new(&secret)))
}

/// Replace the secret for callbacks.
///
/// For 24 hours the one before signs as well.
#[utoipa::path(
    post,
    path = "/api/webhooks/callback-secret/rotate",
    operation_id = "rotate_callback_secret",
    tag = "webhooks",
    responses(
        (status = 200, description = "The new secret", body = Envelope<CallbackSecretView>),
        (status = 401, description = "No good token", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn rotate_callback_secret(
    webhooks: Data<Webhooks>,
    user: CurrentUser,
) -> Result<Envelope<CallbackSecretView>, Problem> {
    let secret = run_to_end(async move { webhooks.rotate_callback_secret(user.owner()).await }).await?;
    Ok(success_with_message("secret replaced", CallbackSecretView::new(&secret)))
}
