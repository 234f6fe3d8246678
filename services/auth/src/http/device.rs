use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::USER_AGENT};
use zoetrope_http::Problem;

use super::client_address::ClientAddress;
use crate::accounts::Device;

const MAX_NAME_CHARS: usize = 200;

impl FromRequest for Device {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let name = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
        let name = name.map(|name| name.trim().chars().take(MAX_NAME_CHARS).collect::<String>()).filter(|name| !name.is_empty());
        let address = ClientAddress::from_request(request, payload).into_inner();
        ready(address.map(|ClientAddress(address)| Self { name, address }))
    }
}
