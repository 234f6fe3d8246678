use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use zoetrope_domain::UserId;

/// Whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    User(UserId),
    /// Made by [`Subject::address`].
    Address(IpAddr),
}

impl Subject {
    /// An address; of IPv6 the network (/64), because a single machine has all addresses of one.
    pub fn address(address: IpAddr) -> Self {
        const NETWORK: u128 = u128::MAX << 64;
        Self::Address(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(formatter, "user:{user}"),
            Self::Address(address) => write!(formatter, "address:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(address: &str) -> String {
        Subject::address(address.parse().unwrap()).to_string()
    }

    #[test]
    fn a_machine_has_one_name() {
        assert_eq!(name("192.0.2.7"), "address:192.0.2.7");
        assert_eq!(name("::ffff:192.0.2.7"), "address:192.0.2.7");
        assert_eq!(name("2001:db8:1:2:3:4:5:6"), "address:2001:db8:1:2::");
        assert_eq!(name("2001:db8:1:2::9"), "address:2001:db8:1:2::");
        assert_ne!(name("2001:db8:1:3::9"), name("2001:db8:1:2::9"));
    }
}
