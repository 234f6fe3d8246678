use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_LENGTH, HeaderMap},
};
use futures_util::StreamExt;
use memchr::memchr;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::{
    charset::{looks_wide, must_be_utf8, without_mark},
    content_type::check_json,
    field::field_error,
};
use crate::{
    Problem,
    body::{BodyBuffer, BodyMemory, Offload, keep_for_request, payload_problem},
    caller::refusal,
};

/// The name for the body as a whole in [`crate::FieldError`].
const BODY: &str = "body";

/// How many bytes of JSON a request may bring. As app data of a resource, or of a whole service, it changes the default of 64 KiB.
#[derive(Debug, Clone, Copy)]
pub struct JsonLimit(pub usize);

impl Default for JsonLimit {
    fn default() -> Self {
        Self(64 * 1024)
    }
}

/// A JSON body in UTF-8. Refuses another content type (415), one over [`JsonLimit`] (413), one that does not fit `T` (400), one that comes
/// too slowly (408), and one for which there is no memory now (503). A large one is parsed where it holds up no other request.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + Send + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = read_json(request.clone(), payload.take());
        Box::pin(async move { read.await.map(|(value, _)| Self(value)) })
    }
}

/// As [`Json`], with the way to compute something from a value that may be large.
#[derive(Debug)]
pub struct LargeJson<T>(pub T, pub Offload);

impl<T: DeserializeOwned + Send + 'static> FromRequest for LargeJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = read_json(request.clone(), payload.take());
        Box::pin(async move { read.await.map(|(value, offload)| Self(value, offload)) })
    }
}

async fn read_json<T: DeserializeOwned + Send + 'static>(
    request: HttpRequest,
    payload: Payload,
) -> Result<(T, Offload), Problem> {
    let parsed = async {
        check_json(request.headers())?;
        let (body, has_escapes, offload) = read(&request, payload).await?;
        // Beside the body, its text while escapes are taken out of it, and what is made of it.
        let copies = if has_escapes { 2 } else { 1 };
        let value = offload.run(copies, move || parse(&body)).await??;
        Ok((value, offload))
    };
    match parsed.await {
        Ok(parsed) => Ok(parsed),
        // Whether the caller is let in may still be in question, and decides first.
        Err(problem) => Err(refusal(&request).await.unwrap_or(problem)),
    }
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body, whose memory stays counted until the request is answered, and whether anything in it is escaped.
async fn read(request: &HttpRequest, mut payload: Payload) -> Result<(Vec<u8>, bool, Offload), Problem> {
    let memory = BodyMemory::of(request);
    let limit = request.app_data::<JsonLimit>().copied().unwrap_or_default().0.min(memory.longest_body());
    let announced = content_length(request.headers());
    if announced.is_some_and(|length| length > limit) {
        return Err(Problem::too_large(u64::try_from(limit).unwrap_or(u64::MAX)));
    }
    let mut buffer = BodyBuffer::new(memory.clone(), limit, announced);
    let mut has_escapes = false;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(payload_problem)?;
        has_escapes = has_escapes || memchr(b'\\', &chunk).is_some();
        buffer.push(&chunk)?;
    }
    let (body, hold) = buffer.finish();
    keep_for_request(request, hold);
    let offload = Offload::new(memory, body.len());
    Ok((body, has_escapes, offload))
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = without_mark(body);
    match body.trim_ascii().first() {
        None => return Err(Problem::field(BODY, "must not be empty")),
        Some(_) if looks_wide(body) => return Err(Problem::field(BODY, must_be_utf8(None))),
        // Serde would take a list for a struct, field by field; no client means that.
        Some(b'[') => return Err(Problem::field(BODY, "must be a JSON object")),
        Some(_) => {}
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| match error.inner().classify() {
        Category::Data => Problem::validation(vec![field_error(error.path(), &error.inner().to_string(), BODY)]),
        Category::Syntax | Category::Eof | Category::Io => unreadable_text(&error).unwrap_or_else(|| malformed(error.inner())),
    })?;
    deserializer.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// Text of a field that is not in UTF-8, or has half a character, as when it was cut in the middle of an emoji.
fn unreadable_text(error: &serde_path_to_error::Error<serde_json::Error>) -> Option<Problem> {
    const SAID_OF_TEXT: [&str; 4] =
        ["invalid unicode code point", "lone leading surrogate", "unexpected end of hex escape", "invalid UTF-8"];
    let message = error.inner().to_string();
    if !SAID_OF_TEXT.iter().any(|said| message.starts_with(said)) {
        return None;
    }
    let field = error.path().to_string();
    let field = if field == "." { BODY.to_owned() } else { field };
    Some(Problem::field(field, must_be_utf8(None)))
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::field(BODY, format!("is not valid JSON: {error}"))
}
