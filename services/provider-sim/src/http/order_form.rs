//! Reads a submission, JSON or multipart, and checks it.

use std::{io::Cursor, sync::Arc};

use actix_multipart::Multipart;
use actix_web::{
    HttpRequest,
    http::header::{CONTENT_TYPE, HeaderMap},
    web,
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use image::{ImageReader, imageops};
use serde::Deserialize;
use tokio::task;

use super::{error::ApiError, trace::traceparent};
use crate::{
    directives::Directives,
    render::FrameSize,
    video::{ReferenceImage, VideoOrder},
};

const JSON_LIMIT: usize = 64 * 1024 * 1024;
const FIELD_LIMIT: usize = 16 * 1024 * 1024;
const IMAGE_LIMIT: usize = 64 * 1024 * 1024;
const DEFAULT_MODEL: &str = "sora-2";
const DEFAULT_SECONDS: u32 = 4;
const LONGEST_SECONDS: u32 = 60;
/// A reference image is kept in about the size that a clip can show.
const REFERENCE_SIDE: u32 = 800;

/// A submission as it came in, nothing checked.
#[derive(Debug, Default, Deserialize)]
struct OrderForm {
    prompt: Option<String>,
    model: Option<String>,
    seconds: Option<Seconds>,
    size: Option<String>,
    #[serde(skip)]
    input_reference: Option<Bytes>,
}

/// A string in the real API; clients also send a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u32),
    Text(String),
}

/// Reads and checks the submission in this request.
pub(super) async fn read(request: &HttpRequest, payload: web::Payload) -> Result<VideoOrder, ApiError> {
    let form = if is_multipart(request.headers()) {
        read_multipart(Multipart::new(request.headers(), payload)).await?
    } else {
        read_json(payload).await?
    };
    let idempotency_key = request.headers().get("Idempotency-Key").and_then(|value| value.to_str().ok());
    Ok(VideoOrder {
        idempotency_key: idempotency_key.map(str::to_owned),
        traceparent: traceparent(request.headers()).map(str::to_owned),
        ..check(form).await?
    })
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("multipart/form-data"))
}

async fn read_json(payload: web::Payload) -> Result<OrderForm, ApiError> {
    let body = payload.to_bytes_limited(JSON_LIMIT).await.map_err(|_| ApiError::too_large(JSON_LIMIT))?;
    let body = body.map_err(|error| ApiError::body(&error))?;
    serde_json::from_slice(&body).map_err(|error| ApiError::body(&error))
}

async fn read_multipart(mut parts: Multipart) -> Result<OrderForm, ApiError> {
    let mut form = OrderForm::default();
    while let Some(mut part) = parts.try_next().await.map_err(|error| ApiError::body(&error))? {
        let name = part.name().unwrap_or_default().to_owned();
        let limit = if name == "input_reference" { IMAGE_LIMIT } else { FIELD_LIMIT };
        let value = part.bytes(limit).await.map_err(|_| ApiError::too_large(limit))?;
        let value = value.map_err(|error| ApiError::body(&error))?;
        match name.as_str() {
            "prompt" => form.prompt = Some(text("prompt", &value)?),
            "model" => form.model = Some(text("model", &value)?),
            "seconds" => form.seconds = Some(Seconds::Text(text("seconds", &value)?)),
            "size" => form.size = Some(text("size", &value)?),
            "input_reference" => form.input_reference = Some(value),
            // The real API ignores what it does not know.
            _ => {}
        }
    }
    Ok(form)
}

fn text(param: &'static str, value: &Bytes) -> Result<String, ApiError> {
    String::from_utf8(value.to_vec()).map_err(|_| ApiError::invalid(param, "must be UTF-8 text"))
}

async fn check(form: OrderForm) -> Result<VideoOrder, ApiError> {
    let prompt = form.prompt.filter(|prompt| !prompt.trim().is_empty());
    let prompt = prompt.ok_or_else(|| ApiError::missing("prompt"))?;
    let size = match form.size {
        Some(size) => size.parse().map_err(|error| ApiError::invalid("size", error))?,
        None => FrameSize::DEFAULT,
    };
    let reference = match form.input_reference {
        Some(file) => Some(read_image(file).await?),
        None => None,
    };
    Ok(VideoOrder {
        model: form.model.unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
        seconds: check_seconds(form.seconds)?,
        size,
        reference,
        idempotency_key: None,
        traceparent: None,
        directives: Directives::parse(&prompt).map_err(|error| ApiError::invalid("prompt", error))?,
        prompt,
    })
}

fn check_seconds(seconds: Option<Seconds>) -> Result<u32, ApiError> {
    let seconds = match seconds {
        None => Some(DEFAULT_SECONDS),
        Some(Seconds::Number(seconds)) => Some(seconds),
        Some(Seconds::Text(text)) => text.parse().ok(),
    };
    seconds
        .filter(|seconds| (1..=LONGEST_SECONDS).contains(seconds))
        .ok_or_else(|| ApiError::invalid("seconds", format!("must be from 1 to {LONGEST_SECONDS}")))
}

/// Decodes the file, whatever its name says, and scales it down.
async fn read_image(file: Bytes) -> Result<ReferenceImage, ApiError> {
    let file_bytes = file.len();
    let decoded = task::spawn_blocking(move || {
        let picture = ImageReader::new(Cursor::new(file)).with_guessed_format()?.decode()?.into_rgb8();
        let (width, height) = picture.dimensions();
        let longer = width.max(height);
        if longer <= REFERENCE_SIDE {
            return Ok(picture);
        }
        let scale = |side: u32| (u64::from(side) * u64::from(REFERENCE_SIDE) / u64::from(longer)).max(1) as u32;
        Ok(imageops::thumbnail(&picture, scale(width), scale(height)))
    });
    let picture = decoded
        .await
        .map_err(|error| ApiError::internal(&error))?
        .map_err(|error: image::ImageError| ApiError::invalid("input_reference", error))?;
    Ok(ReferenceImage { picture: Arc::new(picture), file_bytes })
}
