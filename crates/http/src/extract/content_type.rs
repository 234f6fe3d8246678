use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

use super::charset::{is_utf8, must_be_utf8};
use crate::Problem;

/// Whether a body says to be JSON in UTF-8; 415 for what says to be something else. Without a content type, or with an empty one, it is taken
/// for JSON: nothing else is spoken here.
///
/// Read by hand, because clients write what is clear and not correct: `application/json;`, `text/json`, `application/json; charset=UTF8`,
/// or the same type twice.
pub(super) fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
    check_encoding(headers)?;
    let other = || Problem::unsupported_media("the body must be application/json");
    for value in headers.get_all(CONTENT_TYPE) {
        let value = value.to_str().map_err(|_| other())?;
        for media_type in value.split(',') {
            let (essence, parameters) = media_type.split_once(';').unwrap_or((media_type, ""));
            if !is_json(essence.trim()) {
                return Err(other());
            }
            check_charset(parameters)?;
        }
    }
    Ok(())
}

/// Whether the texts of a form say to be in UTF-8; 415 for other charsets. Its boundary is for others to read.
pub(super) fn check_form(headers: &HeaderMap) -> Result<(), Problem> {
    check_encoding(headers)?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    check_charset(content_type)
}

fn check_charset(parameters: &str) -> Result<(), Problem> {
    let mut pairs = parameters.split(';').filter_map(|part| part.split_once('='));
    match pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset")) {
        Some((_, charset)) if !is_utf8(charset) => Err(Problem::unsupported_field("body", must_be_utf8(Some(charset)))),
        _ => Ok(()),
    }
}

/// What is compressed would be taken for broken text, and nobody knows how long it is.
fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let plain = |value: &[u8]| matches!(value.trim_ascii().to_ascii_lowercase().as_slice(), b"" | b"identity");
    if headers.get_all(CONTENT_ENCODING).all(|value| plain(value.as_bytes())) {
        return Ok(());
    }
    Err(Problem::unsupported_field("body", "must not be compressed (Content-Encoding)"))
}

/// Whether a body says what it is.
pub(super) fn is_named(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_TYPE).any(|value| !value.as_bytes().trim_ascii().is_empty())
}

fn is_json(essence: &str) -> bool {
    let essence = essence.to_ascii_lowercase();
    essence.is_empty() || essence.ends_with("/json") || essence.ends_with("+json")
}
