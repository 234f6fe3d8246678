use std::net::IpAddr;

use ipnet::IpNet;
use url::Host;

use crate::{WebAddress, is_global};

/// Where requests may go: to public hosts over `https`, and where the operator allows it besides.
#[derive(Debug, Clone, Default)]
pub struct Destinations {
    /// Networks that are allowed although they are not public, for development and for hosts of one's own.
    pub allowed_networks: Vec<IpNet>,
    /// Whether `http` is good enough.
    pub allow_http: bool,
}

/// Why no request goes to an address, in words that read on from a field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("must be an https address")]
    NotHttps,
    /// The same for a name that leads nowhere: what names lead to inside is not told.
    #[error("must lead to a public host")]
    NotPublic,
}

impl Destinations {
    /// Whether a connection to this address may be made.
    pub fn permits(&self, address: IpAddr) -> bool {
        let canonical = address.to_canonical();
        is_global(address) || self.allowed_networks.iter().any(|network| network.contains(&canonical))
    }

    /// Whether a request may be made, as far as the address itself tells. A host's name is looked up by the [`Client`](crate::Client) only.
    pub fn check(&self, address: &WebAddress) -> Result<(), Refused> {
        let url = address.url();
        if url.scheme() != "https" && !self.allow_http {
            return Err(Refused::NotHttps);
        }
        let permitted = match url.host() {
            Some(Host::Ipv4(address)) => self.permits(address.into()),
            Some(Host::Ipv6(address)) => self.permits(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        if permitted { Ok(()) } else { Err(Refused::NotPublic) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(destinations: &Destinations, address: &str) -> Result<(), Refused> {
        destinations.check(&address.parse().unwrap())
    }

    #[test]
    fn a_host_is_judged_however_it_is_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.0.1.",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "%31%32%37.0.0.1",
            "127。0。0。1",
            "①27.0.0.1",
            "169.254.169.254",
            "0xa9fea9fe",
            "10.1",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:ffff:a00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[fd00::1]",
            "[fe80::1]",
        ] {
            assert_eq!(check(&Destinations::default(), &format!("https://{host}/hook")), Err(Refused::NotPublic), "{host}");
        }
        for host in ["8.8.8.8", "example.com", "[2606:4700:4700::1111]", "localhost.example.com", "1.1"] {
            assert_eq!(check(&Destinations::default(), &format!("https://{host}/hook")), Ok(()), "{host}");
        }
    }

    #[test]
    fn plain_http_needs_leave() {
        assert_eq!(check(&Destinations::default(), "http://example.com"), Err(Refused::NotHttps));
        let lenient = Destinations { allow_http: true, ..Destinations::default() };
        assert_eq!(check(&lenient, "http://example.com"), Ok(()));
        assert_eq!(check(&lenient, "http://127.0.0.1"), Err(Refused::NotPublic));
    }

    #[test]
    fn an_allowed_network_is_allowed_and_no_other() {
        let destinations = Destinations {
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            allow_http: true,
        };
        for host in ["127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]", "[fd00::1]"] {
            assert_eq!(check(&destinations, &format!("http://{host}")), Ok(()), "{host}");
        }
        for host in ["10.0.0.1", "[::1]", "[fe80::1]", "169.254.169.254"] {
            assert_eq!(check(&destinations, &format!("http://{host}")), Err(Refused::NotPublic), "{host}");
        }
    }
}
