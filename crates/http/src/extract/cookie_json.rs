use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::DeserializeOwned;

use super::{Json, content_type::is_named};
use crate::{Problem, refuse_foreign_origin};

/// As [`Json`], of a request whose answer sets a cookie. It must say that it is JSON (415), and no page of a foreign origin may send it (403).
///
/// A page may send a body without a content type to any origin, unasked; to send JSON it must ask first. Without this rule, a foreign page
/// could sign a browser in as somebody of its choice.
#[derive(Debug)]
pub struct CookieJson<T>(pub T);

impl<T: DeserializeOwned + Send + 'static> FromRequest for CookieJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let checked = refuse_foreign_origin(request).and_then(|()| {
            let says_nothing = || Problem::unsupported_media("the content type must be application/json");
            if is_named(request.headers()) { Ok(()) } else { Err(says_nothing()) }
        });
        let body = Json::from_request(request, payload);
        Box::pin(async move {
            checked?;
            body.await.map(|Json(value)| Self(value))
        })
    }
}
