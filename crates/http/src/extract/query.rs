use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::field::field_error;
use crate::Problem;

/// The query parameters. An empty one counts as absent: clients send `status=` for "no filter".
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
    given.extend_pairs(form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()));
    let given = given.finish();
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(given.as_bytes()));
    serde_path_to_error::deserialize(deserializer)
        .map_err(|error| Problem::validation(vec![field_error(error.path(), &error.inner().to_string(), "query")]))
}
