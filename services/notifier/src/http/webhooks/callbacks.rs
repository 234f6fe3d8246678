use actix_web::{HttpResponse, web::Data};
use zoetrope_http::{
    CurrentUser, Path, Problem, ProblemBody, Query,
    envelope::{Envelope, success, success_with_message},
};
use zoetrope_service::run_to_end;

use super::{
    body::DeliveryQuery,
    view::{DeliveryList, DeliveryView},
};
use crate::webhooks::{DeliveryId, DeliveryPage, Webhooks};

/// List what was told to the addresses of tasks.
///
/// That is to the `callbackUrl` of each task which brought one: how it ended. The newest event comes first. Each delivery has all its attempts.
/// They are kept for 30 days.
#[utoipa::path(
    get,
    path = "/api/webhooks/callback-deliveries",
    operation_id = "list_callback_deliveries",
    tag = "webhooks",
    params(DeliveryQuery),
    responses(
        (status = 200, description = "A page of deliveries", body = Envelope<DeliveryList>),
        (status = 400, description = "A parameter is wrong", body = ProblemBody),
        (status = 401, description = "No good token", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn list(
    webhooks: Data<Webhooks>,
    user: CurrentUser,
    Query(query): Query<DeliveryQuery>,
) -> Result<Envelope<DeliveryList>, Problem> {
    let page = DeliveryPage::try_from(query).map_err(Problem::validation)?;
    let (deliveries, total) = webhooks.callback_deliveries(user.owner(), &page).await?;
    Ok(success(DeliveryList::new(deliveries, total, page.page, page.page_size)))
}

/// Show what was told to the address of a task.
#[utoipa::path(
    get,
    path = "/api/webhooks/callback-deliveries/{deliveryId}",
    operation_id = "show_callback_delivery",
    tag = "webhooks",
    params(("deliveryId" = Uuid, Path)),
    responses(
        (status = 200, description = "The delivery", body = Envelope<DeliveryView>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such delivery, or another user's", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn show(
    webhooks: Data<Webhooks>,
    user: CurrentUser,
    Path(delivery): Path<DeliveryId>,
) -> Result<Envelope<DeliveryView>, Problem> {
    Ok(success(webhooks.callback_delivery(user.owner(), delivery).await?.into()))
}

/// Tell the address of a task again.
///
/// With the same `webhook-id`, whatever came of it before, and with all its attempts anew. An attempt that is under way is followed by another.
#[utoipa::path(
    post,
    path = "/api/webhooks/callback-deliveries/{deliveryId}/resend",
    operation_id = "resend_callback_delivery",
    tag = "webhooks",
    params(("deliveryId" = Uuid, Path)),
    responses(
        (status = 202, description = "The delivery", body = Envelope<DeliveryView>),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 404, description = "No such delivery, or another user's", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn resend(
    webhooks: Data<Webhooks>,
    user: CurrentUser,
    Path(delivery): Path<DeliveryId>,
) -> Result<HttpResponse, Problem> {
    let delivery = run_to_end(async move { webhooks.resend_callback(user.owner(), delivery).await }).await?;
    Ok(HttpResponse::Accepted().json(success_with_message("sent again", DeliveryView::from(delivery))))
}
