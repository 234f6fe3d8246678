//! The files of a finished video.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, ETag},
    web::{Data, Path, Query},
};
use bytes::Bytes;
use chrono::Utc;
use serde::Deserialize;

use super::{
    cut,
    error::ApiError,
    fault,
    link::Signature,
    part::{self, Wanted},
    videos,
};
use crate::{
    faults::{Call, Fault},
    render::Clip,
    simulator::Simulator,
    store::Scope,
    video::{Stage, Video},
};

#[derive(Debug, Deserialize)]
pub(super) struct ContentQuery {
    variant: Option<Variant>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Variant {
    Video,
    Thumbnail,
    Spritesheet,
}

/// `GET /v1/videos/{id}/content`
pub(super) async fn download(
    request: HttpRequest,
    id: Path<String>,
    query: Query<ContentQuery>,
    simulator: Data<Simulator>,
) -> Result<HttpResponse, ApiError> {
    let video = videos::find(&simulator, &id)?;
    simulator.store().totals_mut().contents += 1;
    send(&request, &simulator, &video, query.variant.unwrap_or(Variant::Video)).await
}

/// `GET /files/{id}`
pub(super) async fn linked(
    request: HttpRequest,
    id: Path<String>,
    signature: Query<Signature>,
    simulator: Data<Simulator>,
) -> Result<HttpResponse, ApiError> {
    let video = videos::find(&simulator, &id)?;
    simulator.store().totals_mut().contents += 1;
    if !signature.is_good(&simulator, &id, Utc::now()) {
        return Err(ApiError::link_refused());
    }
    send(&request, &simulator, &video, Variant::Video).await
}

async fn send(request: &HttpRequest, simulator: &Simulator, video: &Video, variant: Variant) -> Result<HttpResponse, ApiError> {
    let scope = Scope::Video(video.id.clone());
    let fault = simulator.meet(Call::Content, scope, &video.order.directives).await;
    let cut_halfway = match fault {
        Some(Fault::CutHalfway) => true,
        Some(fault) => return fault::answer(fault),
        None => false,
    };
    if !matches!(video.stage(Utc::now()), Stage::Completed { .. }) {
        return Err(ApiError::not_ready());
    }
    let clip = simulator.clip(video).await.map_err(|error| ApiError::internal(&error))?;
    let (content_type, extension, file) = pick(clip, variant);
    let (etag, length) = (part::etag(&file), file.len());
    let (mut response, body) = match part::wanted(request, &etag, length) {
        Wanted::Whole => (HttpResponse::Ok(), file),
        Wanted::Part(range) => {
            simulator.store().totals_mut().ranges += 1;
            let mut response = HttpResponse::PartialContent();
            response.insert_header((CONTENT_RANGE, format!("bytes {}-{}/{length}", range.start, range.end - 1)));
            (response, file.slice(range))
        }
        Wanted::Nothing => {
            let content_range = (CONTENT_RANGE, format!("bytes */{length}"));
            return Ok(HttpResponse::RangeNotSatisfiable().insert_header(content_range).finish());
        }
    };
    response
        .content_type(content_type)
        .insert_header(ETag(etag))
        .insert_header((ACCEPT_RANGES, "bytes"))
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{}.{extension}\"", video.id)));
    Ok(if cut_halfway { cut::halfway(response, body) } else { response.body(body) })
}

fn pick(clip: Clip, variant: Variant) -> (&'static str, &'static str, Bytes) {
    match variant {
        Variant::Video => ("video/mp4", "mp4", clip.video),
        Variant::Thumbnail => ("image/webp", "webp", clip.thumbnail),
        Variant::Spritesheet => ("image/jpeg", "jpg", clip.spritesheet),
    }
}
