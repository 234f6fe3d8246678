use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use serde::de::DeserializeOwned;

use crate::Problem;

/// The variable parts of the path. One that cannot be read names nothing that exists: 404.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Path<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let parts = web::Path::<T>::from_request(request, payload).into_inner();
        ready(parts.map(|parts| Self(parts.into_inner())).map_err(|_| Problem::not_found("there is nothing at this address")))
    }
}
