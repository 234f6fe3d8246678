use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use url::Host;

use crate::{InvalidAddress, WebAddress, is_global, private_name::PrivateName};

/// Where requests may go: to public hosts over `https`, and where the operator allows it besides. Every service that takes such an address
/// has the same settings, so that it is taken or refused wherever it is named.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
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

/// Why an address that a user gave is not taken, in words that read on from a field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error(transparent)]
    Invalid(#[from] InvalidAddress),
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Destinations {
    /// The address that a user gave, if a request may go there, as far as the text tells. This is the one rule for whatever may be stored.
    pub fn address(&self, text: &str) -> Result<WebAddress, Unusable> {
        let address: WebAddress = text.trim().parse()?;
        self.check(&address)?;
        Ok(address)
    }

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
            Some(Host::Domain(name)) => self.permits_name(name),
            None => false,
        };
        if permitted { Ok(()) } else { Err(Refused::NotPublic) }
    }

    /// Whether this may be the name of a permitted host. A name that no public host can have is refused at once, and not only when it is
    /// looked up; where private networks are allowed, it may be the name of a host in them.
    fn permits_name(&self, name: &str) -> bool {
        match PrivateName::of(name) {
            None => true,
            Some(PrivateName::Loopback) => self.allowed_networks.iter().any(|network| network.addr().is_loopback()),
            Some(PrivateName::Inside) => !self.allowed_networks.is_empty(),
        }
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
    fn a_name_that_no_public_host_has_is_refused_at_once() {
        let own = Destinations { allowed_networks: vec!["10.1.0.0/16".parse().unwrap()], ..Destinations::default() };
        let loopback = Destinations { allowed_networks: vec!["127.0.0.0/8".parse().unwrap()], ..Destinations::default() };
        for host in
            ["localhost", "LOCALHOST", "localhost.", "app.localhost", "localhost.localdomain", "%6cocalhost", "ｌocalhost"]
        {
            let address = format!("https://{host}:8443/hook");
            assert_eq!(check(&Destinations::default(), &address), Err(Refused::NotPublic), "{host}");
            assert_eq!(check(&own, &address), Err(Refused::NotPublic), "{host}");
            assert_eq!(check(&loopback, &address), Ok(()), "{host}");
        }
        for host in ["metadata.google.internal", "redis", "auth.default.svc.cluster.local.", "printer.local", "nas.home.arpa"] {
            let address = format!("https://{host}/hook");
            assert_eq!(check(&Destinations::default(), &address), Err(Refused::NotPublic), "{host}");
            assert_eq!(check(&own, &address), Ok(()), "{host}");
        }
    }

    #[test]
    fn one_rule_says_what_is_wrong() {
        let address = |text: &str| Destinations::default().address(text).map_err(|error| error.to_string());
        assert_eq!(address(" https://example.com/done\n").unwrap().as_str(), "https://example.com/done");
        for (text, message) in [
            ("", "must be a complete http or https address"),
            ("http://example.com", "must be an https address"),
            ("https://user@example.com", "must not contain a user name or password"),
            ("https://10.0.0.1/x", "must lead to a public host"),
        ] {
            assert_eq!(address(text).unwrap_err(), message, "{text}");
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
