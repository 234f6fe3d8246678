use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::USER_AGENT};
use zoetrope_http::client_address;

use crate::accounts::Device;

const MAX_NAME_CHARS: usize = 200;

impl FromRequest for Device {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let name = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        let name = name.map(|name| name.trim().chars().take(MAX_NAME_CHARS).collect::<String>()).filter(|name| !name.is_empty());
        ready(Ok(Self { name, address: client_address(request) }))
    }
}
