//! Who is one and the same to us, as far as an address tells.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// The addresses of one subscriber: whoever has one IPv6 address has all of its /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpAddr);

impl Network {
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
            IpAddr::V4(address) => address.into(),
        })
    }

    pub fn contains(self, address: IpAddr) -> bool {
        Self::of(address) == self
    }
}

/// Its first address.
impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(address: &str) -> Network {
        Network::of(address.parse().unwrap())
    }

    #[test]
    fn a_subscriber_has_one_v4_address_and_a_64_of_v6() {
        assert_eq!(network("192.0.2.7"), network("::ffff:192.0.2.7"));
        assert_ne!(network("192.0.2.7"), network("192.0.2.8"));
        assert!(network("2001:db8::1").contains("2001:db8::2:3:4:5".parse().unwrap()));
        assert!(!network("2001:db8::1").contains("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(network("2001:db8::2:3:4:5").to_string(), "2001:db8::");
    }
}
