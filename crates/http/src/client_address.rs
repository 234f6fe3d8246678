use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::HeaderName, web};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks that the gateway calls from. What anybody else says of a client's address is a claim about themselves.
#[derive(Debug, Clone)]
pub(crate) struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// Where a gateway calls from, unless somebody says otherwise: the machine itself, and networks that clients are not in.
pub(crate) fn private_networks() -> Vec<IpNet> {
    const PRIVATE: [IpNet; 6] = [
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8)),
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12)),
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7)),
    ];
    PRIVATE.to_vec()
}

/// Where a request comes from, as the gateway saw it; without a gateway in front, as this process does.
pub fn client_address(request: &HttpRequest) -> IpAddr {
    let forwarded = || forwarded_word(request, &X_FORWARDED_FOR)?.parse::<IpAddr>().ok();
    let of_client = if is_from_proxy(request) { forwarded() } else { None };
    of_client.map_or_else(|| peer(request), |address| address.to_canonical())
}

/// Whether the gateway sent it, which is believed what it says of the client.
pub(crate) fn is_from_proxy(request: &HttpRequest) -> bool {
    request.app_data::<web::Data<TrustedProxies>>().is_some_and(|proxies| proxies.trusts(peer(request)))
}

/// The last word of the last of these headers: that one was added by the proxy itself.
pub(crate) fn forwarded_word<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    Some(request.headers().get_all(name).last()?.to_str().ok()?.rsplit(',').next()?.trim())
}

fn peer(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip().to_canonical())
}

/// [`client_address`], for handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl FromRequest for ClientAddress {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(client_address(request))))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn seen(peer: &str, headers: &[&str]) -> String {
        let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
        let mut request = TestRequest::get().app_data(web::Data::new(proxies)).peer_addr(peer.parse().unwrap());
        for header in headers {
            request = request.append_header((X_FORWARDED_FOR, *header));
        }
        client_address(&request.to_http_request()).to_string()
    }

    #[test]
    fn the_gateway_is_believed_and_nobody_else() {
        assert_eq!(seen("10.1.2.3:4", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen("[::ffff:10.1.2.3]:4", &["192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen("[::1]:4", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(seen("198.51.100.1:4", &["192.0.2.7"]), "198.51.100.1");
    }

    #[test]
    fn of_several_addresses_the_gateway_s_own_counts() {
        assert_eq!(seen("10.1.2.3:4", &["203.0.113.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(seen("10.1.2.3:4", &["203.0.113.1", "192.0.2.7"]), "192.0.2.7");
    }

    #[test]
    fn what_is_no_address_does_not_count() {
        for header in ["", "unknown", "192.0.2.7, ", "192.0.2.7:80"] {
            assert_eq!(seen("10.1.2.3:4", &[header]), "10.1.2.3", "{header:?}");
        }
        assert_eq!(seen("10.1.2.3:4", &[]), "10.1.2.3");
    }
}
