use std::{
    future::{Ready, ready},
    net::{IpAddr, SocketAddr},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use zoetrope_http::Problem;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// Where the request comes from, as the gateway says, which writes the last entry; else the other end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl FromRequest for ClientAddress {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let forwarded =
            request.headers().get_all(X_FORWARDED_FOR).next_back().and_then(|value| last_address(value.to_str().ok()?));
        let address = forwarded.or(request.peer_addr().map(|peer| peer.ip()));
        ready(address.map(Self).ok_or_else(|| Problem::internal("the request has no address")))
    }
}

fn last_address(forwarded: &str) -> Option<IpAddr> {
    let last = forwarded.rsplit(',').next()?.trim();
    last.parse().ok().or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn of(forwarded: &[&'static str]) -> Option<String> {
        let request = TestRequest::default().peer_addr("127.0.0.1:5".parse().unwrap());
        let request = forwarded.iter().fold(request, |request, value| request.append_header((X_FORWARDED_FOR, *value)));
        ClientAddress::extract(&request.to_http_request()).await.ok().map(|address| address.0.to_string())
    }

    #[actix_web::test]
    async fn the_gateway_has_the_last_word() {
        assert_eq!(of(&["192.0.2.7"]).await.as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&["10.0.0.1, 192.0.2.7"]).await.as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&["10.0.0.1", "192.0.2.7"]).await.as_deref(), Some("192.0.2.7"));
        assert_eq!(of(&["[2001:db8::7]:443"]).await.as_deref(), Some("2001:db8::7"));
    }

    #[actix_web::test]
    async fn without_a_gateway_the_connection_tells() {
        assert_eq!(of(&[]).await.as_deref(), Some("127.0.0.1"));
        assert_eq!(of(&["unknown"]).await.as_deref(), Some("127.0.0.1"));
    }
}
