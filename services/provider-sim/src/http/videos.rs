//! Create, list, retrieve and delete videos.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::ContentType,
    web::{Data, Path, Payload, Query},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{error::ApiError, fault, link, order_form, view::VideoView};
use crate::{
    faults::Call,
    simulator::Simulator,
    store::{Order, Scope},
    video::{Video, VideoOrder},
};

const DEFAULT_LIMIT: usize = 20;
const LARGEST_LIMIT: usize = 100;

/// `POST /v1/videos`
pub(super) async fn create(request: HttpRequest, payload: Payload, simulator: Data<Simulator>) -> Result<HttpResponse, ApiError> {
    let order = order_form::read(&request, payload).await?;
    let scope = Scope::Submission(order.idempotency_key.as_ref().unwrap_or(&order.prompt).clone());
    let Some(fault) = simulator.meet(Call::Submit, scope, &order.directives).await else {
        let now = Utc::now();
        let video = accept(&simulator, order, now);
        return Ok(show(&simulator, &video, &VideoView::new(&video, now)));
    };
    if fault::takes_effect(fault) {
        accept(&simulator, order, Utc::now());
    }
    fault::answer(fault)
}

fn accept(simulator: &Simulator, order: VideoOrder, now: DateTime<Utc>) -> Arc<Video> {
    let video = simulator.accept(order, now);
    tracing::info!(video_id = video.id, seconds = video.order.seconds, size = %video.order.size, "accepted");
    video
}

/// `GET /v1/videos/{id}`
pub(super) async fn retrieve(
    id: Path<String>,
    request: HttpRequest,
    simulator: Data<Simulator>,
) -> Result<HttpResponse, ApiError> {
    let video = find(&simulator, &id)?;
    simulator.store().totals_mut().polls += 1;
    match simulator.meet(Call::Poll, Scope::Video(id.into_inner()), &video.order.directives).await {
        Some(fault) => fault::answer(fault),
        None => {
            let now = Utc::now();
            let url = link::to_file(&simulator, &video, &request, now);
            Ok(show(&simulator, &video, &VideoView::new(&video, now).with_url(url)))
        }
    }
}

/// `DELETE /v1/videos/{id}`
pub(super) async fn delete(id: Path<String>, simulator: Data<Simulator>) -> Result<HttpResponse, ApiError> {
    let video = find(&simulator, &id)?;
    let fault = simulator.meet(Call::Delete, Scope::Video(video.id.clone()), &video.order.directives).await;
    if fault.is_none_or(fault::takes_effect) && !simulator.store().delete(&id) {
        return Err(ApiError::no_such_video(&id));
    }
    match fault {
        Some(fault) => fault::answer(fault),
        None => Ok(HttpResponse::Ok().json(json!({
            "id": video.id,
            "object": "video.deleted",
            "deleted": true,
        }))),
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    limit: Option<usize>,
    after: Option<String>,
    order: Option<ListOrder>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ListOrder {
    Asc,
    Desc,
}

/// `GET /v1/videos`, newest first.
pub(super) async fn list(query: Query<ListQuery>, simulator: Data<Simulator>) -> Result<HttpResponse, ApiError> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("must be from 1 to {LARGEST_LIMIT}")));
    }
    let order = match query.order {
        Some(ListOrder::Asc) => Order::OldestFirst,
        Some(ListOrder::Desc) | None => Order::NewestFirst,
    };
    let page = simulator.store().page(query.after.as_deref(), order, limit);
    let page = page.ok_or_else(|| ApiError::invalid("after", "there is no such video"))?;
    let now = Utc::now();
    let data: Vec<_> = page.videos.iter().map(|video| VideoView::new(video, now)).collect();
    let list = json!({
        "object": "list",
        "data": data,
        "first_id": page.videos.first().map(|video| &video.id),
        "last_id": page.videos.last().map(|video| &video.id),
        "has_more": page.has_more,
    });
    let body = simulator.behaviour().everyone().wording.answer(list);
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(body))
}

/// A video, worded as its prompt, or a setting for everyone, has it.
fn show(simulator: &Simulator, video: &Video, view: &VideoView) -> HttpResponse {
    let wording = video.order.directives.wording.or(&simulator.behaviour().everyone().wording);
    let body = wording.video(json!(view));
    HttpResponse::Ok().content_type(ContentType::json()).body(body)
}

pub(super) fn find(simulator: &Simulator, id: &str) -> Result<Arc<Video>, ApiError> {
    simulator.store().find(id).ok_or_else(|| ApiError::no_such_video(id))
}
