//! Finished files, for whoever holds a signed link.

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{StatusCode, header},
    web::Data,
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{TryStreamExt, stream};
use serde::Deserialize;
use utoipa::IntoParams;
use zoetrope_domain::TaskId;
use zoetrope_http::{Path, Problem, ProblemBody, Query, is_head};
use zoetrope_postgres::DatabaseError;
use zoetrope_storage::{MediaFile, ObjectInfo, ObjectKey, StorageError};

use super::problems::{no_such_file, storage_problem};
use crate::{
    app::App,
    byte_range::{self, Wanted},
    store::tasks,
    task::VideoOutput,
};

/// What makes a link valid.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Signature {
    /// Unix seconds.
    expires: i64,
    #[param(min_length = 1)]
    signature: String,
}

/// Play a finished video, or show its thumbnail.
///
/// Needs a signed link and no token. Answers ranges and conditional requests.
#[utoipa::path(
    get,
    path = "/media/videos/{task}/{file}",
    tag = "media",
    params(
        ("task" = String, Path, description = "The task's UUID"),
        ("file" = String, Path, description = "`video.mp4` or `thumbnail.webp`"),
        Signature,
        ("Range" = Option<String>, Header, description = "Which part is wanted, such as `bytes=0-1023`"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what the client has"),
    ),
    responses(
        (status = 200, description = "The file", content(("video/mp4"), ("image/webp"))),
        (status = 206, description = "The part that `Range` asks for", content(("video/mp4"), ("image/webp"))),
        (status = 304, description = "The client has it already"),
        (status = 403, description = "The link has expired, or is forged", body = ProblemBody),
        (status = 404, description = "No such file", body = ProblemBody),
        (status = 416, description = "The file does not reach that far", body = ProblemBody),
    ),
)]
pub async fn media(
    app: Data<App>,
    request: HttpRequest,
    Path((task, file)): Path<(TaskId, String)>,
    Query(link): Query<Signature>,
) -> Result<HttpResponse, Problem> {
    let now = Utc::now();
    let file: MediaFile = file.parse().map_err(|_| no_such_file())?;
    app.links.verify(task, file, link.expires, &link.signature, now).map_err(|error| Problem::forbidden(error.to_string()))?;
    let key = ObjectKey::task_media(task, file);
    let info = app.storage.head(&key).await.map_err(storage_problem)?;
    let etag = format!("\"{}\"", etag(&app, task, file, &info).await);

    let mut response = HttpResponse::build(StatusCode::OK);
    response
        .insert_header((header::ETAG, etag.as_str()))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::LAST_MODIFIED, header::HttpDate::from(std::time::SystemTime::from(info.modified))))
        .insert_header((header::CACHE_CONTROL, cache_control(link.expires, now)))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // The link is the permission: a page of any origin that has one may play it.
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::ACCESS_CONTROL_EXPOSE_HEADERS, "Accept-Ranges, Content-Length, Content-Range, ETag"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"));
    if matches(&request, header::IF_NONE_MATCH, &etag) {
        return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    let range = match wanted(&request, &etag, &info) {
        Wanted::Whole => 0..info.size,
        Wanted::Part(range) => {
            let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, info.size);
            response.status(StatusCode::PARTIAL_CONTENT).insert_header((header::CONTENT_RANGE, content_range));
            range
        }
        Wanted::Unsatisfiable => {
            let content_range = format!("bytes */{}", info.size);
            return Ok(response
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .insert_header((header::CONTENT_RANGE, content_range))
                .finish());
        }
    };
    response.content_type(file.content_type());
    let length = range.end - range.start;
    if is_head(&request) || length == 0 {
        // The length of what GET would send; for HEAD actix sends the header alone.
        return Ok(response.body(SizedStream::new(length, stream::empty::<Result<Bytes, StorageError>>())));
    }
    let read = app.storage.read(&key, Some(range)).await.map_err(storage_problem)?;
    let content = read.stream.inspect_err(move |error| {
        tracing::error!(task_id = %task, error = error as &dyn std::error::Error, "a file was not sent to its end");
    });
    Ok(response.body(SizedStream::new(length, content)))
}

/// The digest of the content if it is known: the same wherever the file lies, and for a client to check what it got. Without the
/// database the file plays all the same, under the tag that storage has for it.
async fn etag(app: &App, task: TaskId, file: MediaFile, info: &ObjectInfo) -> String {
    let output = match file {
        MediaFile::Video => output(app, task).await,
        MediaFile::Thumbnail => Ok(None),
    };
    match output {
        Ok(Some(VideoOutput { video_size, video_sha256: Some(digest), .. })) if video_size == info.size => digest.to_string(),
        Ok(_) => info.etag.clone(),
        Err(error) => {
            tracing::warn!(task_id = %task, error = &error as &dyn std::error::Error, "the digest of a video is not known now");
            info.etag.clone()
        }
    }
}

async fn output(app: &App, task: TaskId) -> Result<Option<VideoOutput>, DatabaseError> {
    let mut connection = app.commands.database.connection().await?;
    Ok(tasks::video_output(&mut connection, task).await?)
}

/// For as long as the link is good; never in a cache that others share.
fn cache_control(expires: i64, now: DateTime<Utc>) -> String {
    format!("private, max-age={}", expires.saturating_sub(now.timestamp()).max(0))
}

fn wanted(request: &HttpRequest, etag: &str, info: &ObjectInfo) -> Wanted {
    let text = |name| request.headers().get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let Some(range) = text(header::RANGE) else { return Wanted::Whole };
    // "If-Range": the part only if the file is still the one that the client has a part of.
    match text(header::IF_RANGE) {
        Some(known) if known.trim() != etag => Wanted::Whole,
        _ => byte_range::parse(range, info.size),
    }
}

/// Whether a header lists the tag; weak tags compare as strong ones do here.
fn matches(request: &HttpRequest, name: header::HeaderName, etag: &str) -> bool {
    request
        .headers()
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
