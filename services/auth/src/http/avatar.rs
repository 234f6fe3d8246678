use actix_multipart::Multipart;
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
    CurrentUser, Json, Path, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
    is_head,
};
use zoetrope_storage::{ObjectKey, StorageError};

use crate::{
    accounts::Accounts,
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
    avatar_base64: String,
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
        (status = 400, description = "There is no picture, it cannot be read, or it has too many pixels.", body = ProblemBody),
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
    let user = accounts.user_of_session(caller.session_id()?).await?;
    let (field, picture) = read(&request, payload.into_inner()).await?;
    let avatar_url = avatars.show(user.id, picture).await.map_err(|error| problem(field, error))?;
    let envelope = success_with_message("the picture was changed", AvatarAddress { avatar_url: avatar_url.clone() });
    Ok(web::Json(AvatarView { envelope, avatar_url }))
}

/// The picture, and what the client calls it.
async fn read(request: &HttpRequest, mut payload: Payload) -> Result<(&'static str, Bytes), Problem> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.to_ascii_lowercase().starts_with("multipart/") {
        return Ok((FILE_FIELD, read_form(request, payload).await?));
    }
    let Json(AvatarRequest { avatar_base64 }) = Json::from_request(request, &mut payload).await?;
    let decoded = web::block(move || {
        let text = avatar_base64.trim();
        let content = if text.starts_with("data:") { text.split_once(',').map_or("", |(_, content)| content) } else { text };
        BASE64.decode(content)
    });
    let decoded = decoded.await.map_err(Problem::internal)?;
    let decoded = decoded.map_err(|_| Problem::field(TEXT_FIELD, "must be base64"))?;
    if decoded.len() > MAX_BYTES { Err(too_large()) } else { Ok((TEXT_FIELD, decoded.into())) }
}

async fn read_form(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    let malformed = |error: actix_multipart::MultipartError| Problem::field("body", format!("is not a readable form: {error}"));
    let mut form = Multipart::new(request.headers(), payload);
    while let Some(field) = form.next().await {
        let mut field = field.map_err(malformed)?;
        if field.name() == Some(FILE_FIELD) {
            return field.bytes(MAX_BYTES).await.map_err(|_| too_large())?.map_err(malformed);
        }
    }
    Err(Problem::field(FILE_FIELD, "is required"))
}

fn too_large() -> Problem {
    Problem::too_large(MAX_BYTES as u64)
}

fn problem(field: &'static str, error: AvatarError) -> Problem {
    match error {
        AvatarError::Picture(error @ PictureError::OtherType) => Problem::unsupported_field(field, error.to_string()),
        AvatarError::Picture(error @ (PictureError::TooLarge | PictureError::Unreadable)) => {
            Problem::field(field, error.to_string())
        }
        AvatarError::Account(error) => error.into(),
        AvatarError::Storage(_) | AvatarError::Busy => Problem::unavailable(RETRY_SECONDS, error),
        AvatarError::Crashed(_) => Problem::internal(error),
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
