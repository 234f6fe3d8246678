use std::collections::HashSet;

use actix_web::{HttpRequest, dev::Payload};
use zoetrope_domain::TaskId;
use zoetrope_http::{
    Form, Problem,
    body::{BodyMemory, Offload},
};

use super::{
    CreateVideo, DATA_URL_BYTES, IMAGE_FIELD, Received,
    admission::Admission,
    body::LONGEST_PROMPT,
    image::{ImageTarget, UploadedImage},
    may_be_large,
};
use crate::app::App;

/// The form's file.
pub const FILE_FIELD: &str = "input_reference";
const PROMPT_FIELD: &str = "prompt";
/// Of a field that holds a word or an address.
const WORD_BYTES: usize = 16 * 1024;

/// Reads a form field by field, in whichever order they come, and stores the file on the way.
pub async fn read(
    app: &App,
    request: &HttpRequest,
    payload: Payload,
    task: TaskId,
    admission: &Admission,
) -> Result<Received, Problem> {
    let mut form = Form::new(request, payload);
    let (mut body, mut image, mut upload, mut text_bytes) = (CreateVideo::default(), None, None, 0);
    let mut seen = HashSet::new();
    while let Some(field) = form.next().await? {
        let name = field.name().to_owned();
        let is_known = name == FILE_FIELD || longest(&name).is_some();
        if is_known && !seen.insert(name.clone()) {
            return Err(Problem::field(name, "must be sent once"));
        }
        let is_picture = name == FILE_FIELD || (name == IMAGE_FIELD && field.is_file());
        if is_picture {
            if image.is_some() {
                return Err(Problem::field(name, "must be sent once"));
            }
            let started = admission.begin(&body, &mut upload).await?;
            let target = ImageTarget { app, memory: BodyMemory::of(request), task, field: &name };
            image = match field.file().await? {
                Some(content) => UploadedImage::from_upload(&target, content, started).await?,
                None => None,
            };
            continue;
        }
        let Some(longest) = longest(&name) else {
            form.skip(field).await?;
            continue;
        };
        let is_counted = name == IMAGE_FIELD || (name == PROMPT_FIELD && may_be_large(request));
        if is_counted {
            admission.begin(&body, &mut upload).await?;
        }
        let text = field.text(longest).await?;
        text_bytes += text.len();
        if let Some(upload) = upload.as_ref().filter(|_| is_counted) {
            upload.grow(text.len())?;
        }
        body.set(&name, text).map_err(|error| Problem::validation(vec![error]))?;
    }
    Ok(Received { body, image, upload, offload: Offload::new(BodyMemory::of(request), text_bytes) })
}

/// Bytes of a text field; `None` for one that nobody asked for.
fn longest(name: &str) -> Option<usize> {
    match name {
        PROMPT_FIELD => Some(LONGEST_PROMPT),
        IMAGE_FIELD => Some(DATA_URL_BYTES),
        name if CreateVideo::FIELDS.contains(&name) => Some(WORD_BYTES),
        _ => None,
    }
}
