use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::{charset::must_be_utf8, field::field_error};
use crate::Problem;

/// The query parameters, in UTF-8. An empty one counts as absent: clients send `status=` for "no filter".
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self))
    }
}

pub(super) fn parse<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let mut given = form_urlencoded::Serializer::new(String::new());
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or_else(|| Problem::field("query", must_be_utf8(None)))?;
        let value = decode(value).ok_or_else(|| Problem::field(name.as_str(), must_be_utf8(None)))?;
        if !value.is_empty() {
            given.append_pair(&name, &value);
        }
    }
    let given = given.finish();
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(given.as_bytes()));
    serde_path_to_error::deserialize(deserializer)
        .map_err(|error| Problem::validation(vec![field_error(error.path(), &error.inner().to_string(), "query")]))
}

/// `None` for what is not UTF-8. The decoder of forms would replace it, and a filter by other text than was meant would find nothing.
fn decode(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().ok().map(|text| text.into_owned())
}
