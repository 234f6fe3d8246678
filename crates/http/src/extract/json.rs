use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_LENGTH, HeaderMap},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::field::field_error;
use crate::{Problem, caller::refusal};

/// The name for the body as a whole in [`crate::FieldError`].
const BODY: &str = "body";

/// How many bytes of JSON a request may bring; as app data it changes the default of 100 MB.
#[derive(Debug, Clone, Copy)]
pub struct JsonLimit(pub usize);

impl Default for JsonLimit {
    fn default() -> Self {
        Self(100 * 1024 * 1024)
    }
}

/// A JSON body. Refuses another content type (415), one over [`JsonLimit`] (413), and one that does not fit `T` (400).
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limit = request.app_data::<JsonLimit>().copied().unwrap_or_default().0;
        let content_type = check_content_type(request);
        let announced = content_length(request.headers());
        let payload = payload.take();
        let refusal = refusal(request);
        Box::pin(async move {
            let parsed = async {
                content_type?;
                let body = read(payload, announced, limit).await?;
                parse(&body).map(Self)
            };
            match parsed.await {
                Ok(parsed) => Ok(parsed),
                // Whether the caller is let in may still be in question, and decides first.
                Err(problem) => Err(refusal.await.unwrap_or(problem)),
            }
        })
    }
}

/// A missing content type is taken for JSON: nothing else is spoken here.
fn check_content_type(request: &HttpRequest) -> Result<(), Problem> {
    let refuse = || Problem::unsupported_media("the body must be application/json");
    let Some(mime) = request.mime_type().map_err(|_| refuse())? else { return Ok(()) };
    let is_json = mime.subtype() == "json" || mime.suffix().is_some_and(|suffix| suffix == "json");
    if is_json { Ok(()) } else { Err(refuse()) }
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read(mut payload: Payload, announced: Option<usize>, limit: usize) -> Result<Bytes, Problem> {
    // Only what has arrived is allocated: a header alone must not cost memory.
    const FIRST_ALLOCATION: usize = 64 * 1024;

    let too_large = || Problem::too_large(u64::try_from(limit).unwrap_or(u64::MAX));
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or_default().min(FIRST_ALLOCATION));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::field(BODY, format!("could not be read: {error}")))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    match body.trim_ascii().first() {
        None => return Err(Problem::field(BODY, "must not be empty")),
        // Serde would take a list for a struct, field by field; no client means that.
        Some(b'[') => return Err(Problem::field(BODY, "must be a JSON object")),
        Some(_) => {}
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| match error.inner().classify() {
        Category::Data => Problem::validation(vec![field_error(error.path(), &error.inner().to_string(), BODY)]),
        Category::Syntax | Category::Eof | Category::Io => malformed(error.inner()),
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::field(BODY, format!("is not valid JSON: {error}"))
}
