use actix_web::{HttpResponse, web::Data};
use chrono::Utc;
use zoetrope_http::{
    CurrentUser, Json, Path, Problem, ProblemBody, Query,
    envelope::{Envelope, success, success_with_message},
};
use zoetrope_service::run_to_end;

use super::{
    body::{DeliveryQuery, ReplayBody},
    view::{DeliveryList, DeliveryView, ReplayView},
};
use crate::webhooks::{DeliveryId, DeliveryPage, EndpointId, Webhooks};

/// List what was told to a webhook.
///
/// The newest event comes first. Each delivery has all its attempts. They are kept for 30 days.
#[utoipa::path(
    get,
    path = "/api/webhooks/{webhookId}/deliveries",
    operation_id = "list_webhook_deliveries",
    tag = "webhooks",
    params(("webhookId" = Uuid, Path), DeliveryQuery),
    responses(
        (status = 200, description = "A page of deliveries", body = Envelope<DeliveryList>),
        (status = 400, description = "A parameter is wrong", body = ProblemBody),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such webhook, or another user's", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn list(
    webhooks: Data<Webhooks>,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Envelope<DeliveryList>, Problem> {
    let page = DeliveryPage::try_from(query).map_err(Problem::validation)?;
    let (deliveries, total) = webhooks.deliveries(user.owner(), id, &page).await?;
    Ok(success(DeliveryList::new(deliveries, total, page.page, page.page_size)))
}

/// Send a test.
///
/// A message of type `webhook.test` is sent now. Its delivery tells what came of it.
#[utoipa::path(
    post,
    path = "/api/webhooks/{webhookId}/test",
    operation_id = "test_webhook",
    tag = "webhooks",
    params(("webhookId" = Uuid, Path)),
    responses(
        (status = 202, description = "The delivery", body = Envelope<DeliveryView>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such webhook, or another user's", body = ProblemBody),
        (status = 409, description = "The webhook is disabled", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn test(webhooks: Data<Webhooks>, user: CurrentUser, Path(id): Path<EndpointId>) -> Result<HttpResponse, Problem> {
    let delivery = run_to_end(async move { webhooks.test(user.owner(), id).await }).await?;
    Ok(HttpResponse::Accepted().json(success_with_message("test sent", DeliveryView::from(delivery))))
}

/// Send a delivery again.
///
/// With the same `webhook-id`, whatever came of it before, and with all its attempts anew. An attempt that is under way is followed by another.
#[utoipa::path(
    post,
    path = "/api/webhooks/{webhookId}/deliveries/{deliveryId}/resend",
    operation_id = "resend_webhook_delivery",
    tag = "webhooks",
    params(("webhookId" = Uuid, Path), ("deliveryId" = Uuid, Path)),
    responses(
        (status = 202, description = "The delivery", body = Envelope<DeliveryView>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such webhook or delivery, or another user's", body = ProblemBody),
        (status = 409, description = "The webhook is disabled", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn resend(
    webhooks: Data<Webhooks>,
    user: CurrentUser,
    Path((id, delivery)): Path<(EndpointId, DeliveryId)>,
) -> Result<HttpResponse, Problem> {
    let delivery = run_to_end(async move { webhooks.resend(user.owner(), id, delivery).await }).await?;
    Ok(HttpResponse::Accepted().json(success_with_message("sent again", DeliveryView::from(delivery))))
}

/// Send all of a time again.
///
/// Every message about what happened in that time is sent again, with its `webhook-id`, up to 10,000 of them; or only those that failed.
/// Without `failedOnly` it also sends how tasks ended while the webhook was disabled or did not exist. Messages are known for 30 days.
#[utoipa::path(
    post,
    path = "/api/webhooks/{webhookId}/replay",
    operation_id = "replay_webhook",
    tag = "webhooks",
    params(("webhookId" = Uuid, Path)),
    request_body = ReplayBody,
    responses(
        (status = 202, description = "How many messages are sent", body = Envelope<ReplayView>),
        (status = 400, description = "A field is missing or wrong", body = ProblemBody),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such webhook, or another user's", body = ProblemBody),
        (status = 409, description = "The webhook is disabled", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn replay(
    webhooks: Data<Webhooks>,
    user: CurrentUser,
    Path(id): Path<EndpointId>,
    Json(body): Json<ReplayBody>,
) -> Result<HttpResponse, Problem> {
    let range = body.range(Utc::now()).map_err(Problem::validation)?;
    let deliveries = run_to_end(async move { webhooks.replay(user.owner(), id, range).await }).await?;
    Ok(HttpResponse::Accepted().json(success_with_message("sent again", ReplayView { deliveries })))
}
