use serde_json::{Map, Value};

/// The provider's answer makes no sense. What it was is left out: it may repeat the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the answer is not JSON")]
    NotJson,
    #[error("the answer is not an object")]
    NotAnObject,
    #[error("the answer has no usable id")]
    NoId,
    #[error("the answer has no status")]
    NoStatus,
    #[error("the answer is not a list of videos")]
    NotAList,
}

pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Unreadable> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Unreadable::NotAnObject),
        Err(_) => Err(Unreadable::NotJson),
    }
}

/// The first of these fields that holds text that is not blank.
pub(super) fn text<'a>(object: &'a Map<String, Value>, fields: &[&str]) -> Option<&'a str> {
    fields.iter().filter_map(|field| object.get(*field)?.as_str()).map(str::trim).find(|text| !text.is_empty())
}
