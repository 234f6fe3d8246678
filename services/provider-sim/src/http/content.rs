//! The files of a finished video.

use actix_web::{
    HttpResponse,
    http::header::CONTENT_DISPOSITION,
    web::{Data, Path, Query},
};
use bytes::Bytes;
use chrono::Utc;
use serde::Deserialize;

use super::{cut, error::ApiError, fault, videos};
use crate::{
    faults::{Call, Fault},
    render::Clip,
    simulator::Simulator,
    store::Scope,
    video::Stage,
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
    id: Path<String>,
    query: Query<ContentQuery>,
    simulator: Data<Simulator>,
) -> Result<HttpResponse, ApiError> {
    let video = videos::find(&simulator, &id)?;
    simulator.store().totals_mut().contents += 1;
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
    let clip = simulator.clip(&video).await.map_err(|error| ApiError::internal(&error))?;
    let (content_type, extension, file) = pick(clip, query.variant.unwrap_or(Variant::Video));
    if cut_halfway {
        return Ok(cut::halfway(content_type, file));
    }
    Ok(HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{}.{extension}\"", video.id)))
        .body(file))
}

fn pick(clip: Clip, variant: Variant) -> (&'static str, &'static str, Bytes) {
    match variant {
        Variant::Video => ("video/mp4", "mp4", clip.video),
        Variant::Thumbnail => ("image/webp", "webp", clip.thumbnail),
        Variant::Spritesheet => ("image/jpeg", "jpg", clip.spritesheet),
    }
}
