//! `POST /api/video/tasks`: as JSON, or as a form with a file.

mod body;
mod form;
pub mod idempotency;
mod image;

use std::sync::Arc;

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse,
    dev::Payload,
    web::{self, Data},
};
use chrono::Utc;
use utoipa::ToSchema;
use uuid::Uuid;
use zoetrope_domain::TaskId;
use zoetrope_http::{
    CurrentUser, Json, Problem, ProblemBody,
    envelope::{Envelope, success_with_message},
};
use zoetrope_service::run_to_end;

pub use body::{CheckedVideo, CreateVideo, seconds};
use image::UploadedImage;

use super::view::TaskView;
use crate::{
    app::App,
    commands::{CreateError, Created, Idempotency, NewTask},
    task::Task,
};

const IMAGE_FIELD: &str = "referenceImage";

/// The form: the same fields, and the picture as a file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
pub struct CreateVideoForm {
    prompt: String,
    model: String,
    /// Seconds.
    duration: Option<u32>,
    /// `WIDTHxHEIGHT`.
    size: Option<String>,
    #[schema(rename = "aspectRatio")]
    aspect_ratio: Option<String>,
    watermark: Option<bool>,
    #[schema(rename = "clientRequestId")]
    client_request_id: Option<String>,
    /// Is told how the task ends.
    #[schema(rename = "callbackUrl")]
    callback_url: Option<String>,
    /// PNG, JPEG or WebP, of any size.
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
        (status = 413, description = "More than 100 MB of text", body = ProblemBody),
        (status = 415, description = "The picture is of another type", body = ProblemBody),
        (status = 422, description = "The idempotency key was used for another request", body = ProblemBody),
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
    let (mut body, mut image) = read(&app, &request, payload.into_inner(), id).await?;
    let data_url = body.reference_image.take().filter(|url| !url.is_empty());
    let checked = body.check(&app.models, &app.destinations).map_err(Problem::validation)?;
    if let Some(url) = data_url {
        if image.is_some() {
            return Err(Problem::field(IMAGE_FIELD, "must not be sent beside a file"));
        }
        image = Some(UploadedImage::from_data_url(&app.storage, id, IMAGE_FIELD, url).await?);
    }

    let idempotency = key.map(|key| Idempotency::Key {
        fingerprint: idempotency::fingerprint(
            &checked.request,
            checked.client_request_id.as_deref(),
            checked.callback_url.as_ref(),
            image.as_ref().map(UploadedImage::sha256),
        ),
        key,
    });
    let now = Utc::now();
    let reference = image.as_ref().map(UploadedImage::reference);
    let callback_url = checked.callback_url.map(String::from);
    let task = Task::new(id, user.user_id, checked.order, reference, checked.client_request_id, callback_url, now);
    let task = run_to_end(accept(app.clone().into_inner(), NewTask { task, idempotency }, image)).await?;
    Ok(HttpResponse::Created().json(success_with_message("task created", TaskView::new(task, &app.links, now))))
}

async fn read(
    app: &App,
    request: &HttpRequest,
    mut payload: Payload,
    id: TaskId,
) -> Result<(CreateVideo, Option<UploadedImage>), Problem> {
    if request.content_type().eq_ignore_ascii_case("multipart/form-data") {
        return form::read(request, payload, &app.storage, id).await;
    }
    let Json(body) = Json::<CreateVideo>::from_request(request, &mut payload).await?;
    Ok((body, None))
}

async fn accept(app: Arc<App>, new: NewTask, image: Option<UploadedImage>) -> Result<Task, CreateError> {
    let outcome = app.commands.create_task(new).await;
    let needed = match &outcome {
        Ok(Created::New(_)) => true,
        // Whether the commit was carried out is not known: better a file too many than one too few.
        Err(CreateError::Database(error)) => error.is_unavailable(),
        Ok(Created::Repeated(_)) | Err(CreateError::InsufficientCredits(_) | CreateError::KeyTaken) => false,
    };
    if let Some(image) = image.filter(|_| needed) {
        image.keep();
    }
    match outcome? {
        Created::New(task) | Created::Repeated(task) => Ok(task),
    }
}
