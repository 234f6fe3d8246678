use actix_multipart::{Field, Multipart};
use actix_web::{HttpRequest, dev::Payload};
use futures_util::StreamExt;
use zoetrope_domain::TaskId;
use zoetrope_http::Problem;
use zoetrope_storage::ObjectStorage;

use super::{CreateVideo, UploadedImage};

/// The form's file.
pub const FILE_FIELD: &str = "input_reference";
/// What all text fields together may take, in bytes; as much as a JSON body.
const TEXT_LIMIT: usize = 100 * 1024 * 1024;

/// Reads a form field by field, in whichever order they come, and stores the file on the way.
pub async fn read(
    request: &HttpRequest,
    payload: Payload,
    storage: &ObjectStorage,
    task: TaskId,
) -> Result<(CreateVideo, Option<UploadedImage>), Problem> {
    let mut form = Multipart::new(request.headers(), payload);
    let (mut body, mut image, mut left) = (CreateVideo::default(), None, TEXT_LIMIT);
    while let Some(field) = form.next().await {
        let mut field = field.map_err(|error| malformed(&error))?;
        let name = field.name().unwrap_or_default().to_owned();
        if name == FILE_FIELD {
            if image.is_some() {
                return Err(Problem::field(FILE_FIELD, "must be sent once"));
            }
            image = Some(UploadedImage::from_stream(storage, task, FILE_FIELD, field).await?);
        } else {
            let text = read_text(&mut field, &name, left).await?;
            left -= text.len();
            body.set(&name, text).map_err(|error| Problem::validation(vec![error]))?;
        }
    }
    Ok((body, image))
}

async fn read_text(field: &mut Field, name: &str, limit: usize) -> Result<String, Problem> {
    let bytes =
        field.bytes(limit).await.map_err(|_| Problem::too_large(TEXT_LIMIT as u64))?.map_err(|error| malformed(&error))?;
    String::from_utf8(bytes.into()).map_err(|_| Problem::field(name, "must be text in UTF-8"))
}

fn malformed(error: &actix_multipart::MultipartError) -> Problem {
    Problem::field("body", format!("is not a readable form: {error}"))
}
