use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    body::SizedStream,
    dev::Payload,
    http::header::{self, CONTENT_TYPE},
    web::{self, Data},
};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zoetrope_domain::AvatarId;
use zoetrope_http::{
    CurrentUser, Form, LargeJson, Path, Problem, ProblemBody,
    body::{BodyBuffer, BodyMemory, keep_for_request},
    envelope::{Envelope, success_with_message},
    is_head,
};
use zoetrope_storage::{ObjectKey, StorageError};

use crate::{
    accounts::{Accounts, Evidence},
    avatars::{AvatarError, Avatars, MAX_BYTES, PictureError},
};

const FILE_FIELD: &str = "avatar";
const TEXT_FIELD: &str = "avatarBase64";
/// Base64 takes four characters for three bytes, and there is a little more around it.
pub const JSON_BYTES: usize = MAX_BYTES / 3 * 4 + 64 * 1024;
/// A server behind us is usually back within seconds, and pictures are made in less.
const RETRY_SECONDS: u64 = 2;
/// Some clients leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvatarRequest {
    /// Base64, also as a data URL.
    #[schema(required, nullable = false)]
    avatar_base64: Option<String>,
}

/// As `AvatarRequest`, for clients that send files.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described for clients; the form is read field by field")]
pub struct AvatarForm {
    #[schema(value_type = String, format = Binary)]
    avatar: Vec<u8>,
}

/// The address, for clients that expect an envelope and for those that do not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvatarView {
    #[serde(flatten)]
    envelope: Envelope<AvatarAddress>,
    avatar_url: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AvatarAddress {
    avatar_url: String,
}

/// Changes the own picture.
///
/// A PNG, JPEG, GIF or WebP image of up to 10 MB, recognised by its content. Its middle is kept, as a square of up to 256 pixels, and nothing
/// else that is in the file.
#[utoipa::path(
    post,
    path = "/api/users/avatar",
    tag = "users",
    security(("bearer" = [])),
    request_body(content(
        (AvatarForm = "multipart/form-data"),
        (AvatarRequest = "application/json"),
    )),
    responses(
        (status = 200, description = "The picture is shown from now on.", body = AvatarView),
        (status = 400, description = "There is no picture, it cannot be read, has too many pixels, or takes more than 256 MiB to decode.", body = ProblemBody),
        (status = 401, description = "Not signed in.", body = ProblemBody),
        (status = 413, description = "It has more than 10 MB.", body = ProblemBody),
        (status = 415, description = "It is no image of these types.", body = ProblemBody),
        (status = 503, description = "A server behind us is away, or too many pictures wait.", body = ProblemBody),
    )
)]
pub async fn upload(
    accounts: Data<Accounts>,
    avatars: Data<Avatars>,
    caller: CurrentUser,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<web::Json<AvatarView>, Problem> {
    let session = caller.session_id()?;
    // Before the picture is read; and once more when it is shown.
    accounts.user_of_session(session).await?;
    let evidence = Evidence::session(session);
    let (field, picture) = read(&request, payload.into_inner()).await?;
    let avatar_url = avatars.show(evidence, picture).await.map_err(|error| problem(field, error))?;
    let envelope = success_with_message("the picture was changed", AvatarAddress { avatar_url: avatar_url.clone() });
    Ok(web::Json(AvatarView { envelope, avatar_url }))
}

/// The picture, and what the client calls it.
async fn read(request: &HttpRequest, mut payload: Payload) -> Result<(&'static str, Bytes), Problem> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.to_ascii_lowercase().starts_with("multipart/") {
        return Ok((FILE_FIELD, read_form(request, payload).await?));
    }
    let LargeJson(AvatarRequest { avatar_base64 }, offload) = LargeJson::from_request(request, &mut payload).await?;
    let decoded = offload.run(1, move || decode(&avatar_base64.unwrap_or_default())).await?;
    let decoded = decoded.map_err(|_| Problem::field(TEXT_FIELD, "must be base64"))?;
    match decoded.len() {
        0 => Err(Problem::field(TEXT_FIELD, "is required")),
        1..=MAX_BYTES => Ok((TEXT_FIELD, decoded.into())),
        _ => Err(too_large()),
    }
}

fn decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let text = text.trim();
    let content = if text.starts_with("data:") { text.split_once(',').map_or("", |(_, content)| content) } else { text };
    BASE64.decode(content)
}

/// An empty file is none: a browser sends it for an input in which no file was chosen.
async fn read_form(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    let mut form = Form::new(request, payload);
    while let Some(field) = form.next().await? {
        if field.name() != FILE_FIELD {
            form.skip(field).await?;
            continue;
        }
        let Some(mut content) = field.file().await? else { continue };
        let mut picture = BodyBuffer::new(BodyMemory::of(request), MAX_BYTES, None);
        while let Some(chunk) = content.next().await {
            picture.push(&chunk?)?;
        }
        let (picture, hold) = picture.finish();
        keep_for_request(request, hold);
        return Ok(picture.into());
    }
    Err(Problem::field(FILE_FIELD, "is required"))
}

fn too_large() -> Problem {
    Problem::too_large(MAX_BYTES as u64)
}

fn problem(field: &'static str, error: AvatarError) -> Problem {
    match error {
        AvatarError::Picture(error @ PictureError::OtherType) => Problem::unsupported_field(field, error.to_string()),
        AvatarError::Picture(error @ (PictureError::TooLarge | PictureError::Unreadable | PictureError::TooCostly)) => {
            Problem::field(field, error.to_string())
        }
        AvatarError::Account(error) => error.into(),
        AvatarError::Storage(_) | AvatarError::Busy => Problem::unavailable(RETRY_SECONDS, error),
        AvatarError::Isolation(_) => Problem::internal(error),
    }
}

/// The picture of a user.
#[utoipa::path(
    get,
    path = "/media/avatars/{file}",
    tag = "media",
    params(("file" = String, Path, description = "As in `avatarUrl`: a UUID and `.webp`")),
    responses(
        (status = 200, description = "The picture", content_type = "image/webp"),
        (status = 304, description = "The client has it already"),
        (status = 404, description = "No such picture", body = ProblemBody),
        (status = 503, description = "A server behind us is away.", body = ProblemBody),
    )
)]
pub async fn show(avatars: Data<Avatars>, request: HttpRequest, Path(file): Path<String>) -> Result<HttpResponse, Problem> {
    let id: Option<AvatarId> = file.strip_suffix(".webp").and_then(|id| id.parse().ok());
    let id = id.ok_or_else(no_such_picture)?;
    let etag = format!("\"{id}\"");
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, etag.as_str()))
        // What is under a name never changes; a day is how long a picture that was removed may still be seen.
        .insert_header((header::CACHE_CONTROL, "public, max-age=86400, immutable"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header(("Cross-Origin-Resource-Policy", "cross-origin"));
    let read = avatars.storage().read(&ObjectKey::avatar(id), None).await.map_err(|error| match error {
        StorageError::NotFound(_) => no_such_picture(),
        error => Problem::unavailable(RETRY_SECONDS, error),
    })?;
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag)) {
        return Ok(response.status(actix_web::http::StatusCode::NOT_MODIFIED).finish());
    }
    response.content_type("image/webp");
    if is_head(&request) {
        return Ok(response.body(SizedStream::new(read.info.size, stream::empty::<Result<Bytes, StorageError>>())));
    }
    let content = read.stream.inspect_err(move |error| {
        tracing::error!(avatar = %id, error = error as &dyn std::error::Error, "a picture was not sent to its end");
    });
    Ok(response.body(SizedStream::new(read.info.size, content)))
}

fn no_such_picture() -> Problem {
    Problem::not_found("there is no such picture")
}
