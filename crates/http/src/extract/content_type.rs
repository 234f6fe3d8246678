use actix_web::http::header::{CONTENT_TYPE, HeaderMap};

use super::charset::{is_utf8, must_be_utf8};
use crate::Problem;

/// Whether a body says to be JSON in UTF-8; 415 for what says to be something else. Without a content type, or with an empty one, it is taken
/// for JSON: nothing else is spoken here.
///
/// Read by hand, because clients write what is clear and not correct: `application/json;`, `text/json`, `application/json; charset=UTF8`,
/// or the same type twice.
pub(super) fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
    let other = || Problem::unsupported_media("the body must be application/json");
    for value in headers.get_all(CONTENT_TYPE) {
        let value = value.to_str().map_err(|_| other())?;
        for media_type in value.split(',') {
            let mut parts = media_type.split(';').map(str::trim);
            if !parts.next().is_some_and(is_json) {
                return Err(other());
            }
            let charset =
                parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
            if let Some((_, charset)) = charset.filter(|(_, charset)| !is_utf8(charset)) {
                return Err(Problem::unsupported_field("body", must_be_utf8(Some(charset))));
            }
        }
    }
    Ok(())
}

/// Whether a body says what it is.
pub(super) fn is_named(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_TYPE).any(|value| !value.as_bytes().trim_ascii().is_empty())
}

fn is_json(essence: &str) -> bool {
    let essence = essence.to_ascii_lowercase();
    essence.is_empty() || essence.ends_with("/json") || essence.ends_with("+json")
}
