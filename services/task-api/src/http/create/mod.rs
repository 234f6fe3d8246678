//! `POST /api/video/tasks`: as JSON, or as a form with a file.

mod admission;
mod body;
mod form;
pub mod idempotency;
mod image;

use std::{io, sync::Arc};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    dev::Payload,
    error::PayloadError,
    http::header::CONTENT_LENGTH,
    web::{self, Data},
};
use chrono::Utc;
use futures_util::StreamExt;
use utoipa::ToSchema;
use uuid::Uuid;
use zoetrope_domain::TaskId;
use zoetrope_http::{
    CurrentUser, LargeJson, Problem, ProblemBody,
    body::{BodyMemory, Offload, SMALL_BYTES},
    envelope::{Envelope, success_with_message},
};
use zoetrope_service::run_to_end;

pub use body::{CheckedVideo, CreateVideo, LONGEST_CLIENT_ID, LONGEST_PROMPT, seconds, seconds_schema};

use self::{
    admission::Admission,
    image::{ImageTarget, UploadedImage},
};

use super::view::TaskView;
use crate::{
    app::App,
    commands::{CreateError, Created, Idempotency, NewTask},
    data_url::DataUrl,
    task::Task,
    uploads::Upload,
};

const IMAGE_FIELD: &str = "referenceImage";
/// A picture in JSON, or in a text field, with what is beside it.
pub const DATA_URL_BYTES: usize = 100 * 1024 * 1024;

/// The form: the same fields, and the picture as a file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
pub struct CreateVideoForm {
    prompt: String,
    model: String,
    #[schema(schema_with = body::seconds_schema, required = false)]
    duration: Option<u32>,
    /// `WIDTHxHEIGHT`.
    size: Option<String>,
    #[schema(rename = "aspectRatio")]
    aspect_ratio: Option<String>,
    #[schema(schema_with = body::flag_schema, required = false)]
    watermark: Option<bool>,
    #[schema(rename = "clientRequestId")]
    client_request_id: Option<String>,
    /// Is told how the task ends.
    #[schema(rename = "callbackUrl")]
    callback_url: Option<String>,
    /// PNG, JPEG or WebP, of up to 256 MiB and 250 million pixels, unless configured. An empty file is none.
    #[schema(value_type = Option<String>, format = Binary)]
    input_reference: Option<Vec<u8>>,
}

/// Create a video.
///
/// Takes the model's price from the balance and queues the task. Nothing is charged when the answer is an error.
#[utoipa::path(
    post,
    path = "/api/video/tasks",
    tag = "video",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating a request with its key gives the first answer again, for 24 hours")),
    request_body(content((CreateVideo = "application/json"), (CreateVideoForm = "multipart/form-data"))),
    responses(
        (status = 201, description = "The new task", body = Envelope<TaskView>),
        (status = 400, description = "A field is missing or wrong", body = ProblemBody),
        (status = 401, description = "No good token", body = ProblemBody),
        (status = 402, description = "The balance does not suffice: see data.required and data.current", body = ProblemBody),
        (status = 408, description = "The body came too slowly", body = ProblemBody),
        (status = 413, description = "More than 100 MB of text, or the picture is too large", body = ProblemBody),
        (status = 415, description = "The picture is of another type", body = ProblemBody),
        (status = 422, description = "The idempotency key was used for another request", body = ProblemBody),
        (status = 429, description = "Too many requests, or unfinished uploads", body = ProblemBody),
        (status = 503, description = "Try again after Retry-After", body = ProblemBody),
    ),
    security(("bearer" = [])),
)]
pub async fn create_task(
    app: Data<App>,
    user: CurrentUser,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let id = TaskId::new(Uuid::now_v7());
    let key = idempotency::key(request.headers())?;
    let admission = Admission::new(&app, user.owner(), key.as_deref());
    let Received { mut body, mut image, upload, offload } = read(&app, &request, payload.into_inner(), id, &admission).await?;
    let picture = body.reference_image.take();
    let offload = offload.without(picture.as_ref().map_or(0, String::len));
    let picture = picture.map(DataUrl::parse).transpose();
    let picture = picture.map_err(|error| Problem::field(IMAGE_FIELD, error.to_string()))?.flatten();
    let catalog = app.clone();
    let checked =
        offload.run(2, move || body.check(&catalog.models, &catalog.destinations)).await?.map_err(Problem::validation)?;
    if let Some(url) = picture {
        if image.is_some() {
            return Err(Problem::field(IMAGE_FIELD, "must not be sent beside a file"));
        }
        admission.afford(checked.order.price).await?;
        let upload = upload.map_or_else(|| app.uploads.begin(user.user_id), Ok)?;
        let target = ImageTarget { app: &app, memory: BodyMemory::of(&request), task: id, field: IMAGE_FIELD };
        image = UploadedImage::from_data_url(&target, url, upload).await?;
    }

    let sha256 = image.as_ref().map(|image| *image.sha256());
    let (checked, fingerprint) = offload
        .run(1, move || {
            let (client_id, callback_url) = (checked.client_request_id.as_deref(), checked.callback_url.as_ref());
            let fingerprint = idempotency::fingerprint(&checked.request, client_id, callback_url, sha256.as_ref());
            (checked, fingerprint)
        })
        .await?;
    let idempotency = key.map(|key| Idempotency::Key { key, fingerprint });
    let now = Utc::now();
    let reference = image.as_ref().map(UploadedImage::reference);
    let callback_url = checked.callback_url.map(String::from);
    let task = Task::new(id, user.owner(), checked.order, reference, checked.client_request_id, callback_url, now);
    let task = run_to_end(accept(app.clone().into_inner(), NewTask { task, idempotency }, image)).await?;
    Ok(HttpResponse::Created().json(success_with_message("task created", TaskView::new(task, &app.links, now))))
}

/// What came with a request.
struct Received {
    body: CreateVideo,
    image: Option<UploadedImage>,
    /// Of a picture that lies in the body as text.
    upload: Option<Upload>,
    offload: Offload,
}

async fn read(
    app: &App,
    request: &HttpRequest,
    mut payload: Payload,
    id: TaskId,
    admission: &Admission,
) -> Result<Received, Problem> {
    if request.content_type().eq_ignore_ascii_case("multipart/form-data") {
        return form::read(app, request, payload, id, admission).await;
    }
    let mut upload = None;
    if may_be_large(request) {
        let begun = admission.begin(&CreateVideo::default(), &mut upload).await?;
        payload = counted(payload, begun);
    }
    let LargeJson(body, offload) = LargeJson::<CreateVideo>::from_request(request, &mut payload).await?;
    Ok(Received { body, image: None, upload, offload })
}

/// Whether there may be a picture of some size in the body.
pub(super) fn may_be_large(request: &HttpRequest) -> bool {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    length.map_or_else(|| request.chunked().unwrap_or_default(), |length: u64| length > SMALL_BYTES as u64)
}

/// A body that counts as an upload.
pub(super) fn counted(payload: Payload, upload: Upload) -> Payload {
    let counted = payload.map(move |chunk| {
        let chunk = chunk?;
        upload.grow(chunk.len()).map_err(|refused| PayloadError::Io(io::Error::other(Problem::from(refused))))?;
        Ok(chunk)
    });
    Payload::Stream { payload: Box::pin(counted) }
}

async fn accept(app: Arc<App>, new: NewTask, image: Option<UploadedImage>) -> Result<Task, CreateError> {
    let outcome = app.commands.create_task(new).await;
    let needed = match &outcome {
        Ok(Created::New(_)) => true,
        // Whether the commit was carried out is not known: better a file too many than one too few.
        Err(CreateError::Database(error)) => error.is_unavailable(),
        Ok(Created::Repeated(_))
        | Err(CreateError::InsufficientCredits(_) | CreateError::KeyTaken | CreateError::AnotherOwner) => false,
    };
    if let Some(image) = image.filter(|_| needed) {
        image.keep();
    }
    match outcome? {
        Created::New(task) | Created::Repeated(task) => Ok(task),
    }
}
