use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::rules::{login::Identifier, network::Network};

/// Enough of a hash that no two names meet.
const HASH_BYTES: usize = 16;

/// The names of what failures are counted for when somebody at an address tries to sign in as somebody. No name or e-mail address can be
/// read from them, and whether there is such a user makes no difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doors {
    pub(super) account: String,
    /// The account for those at this address alone.
    pub(super) account_here: String,
    pub(super) address: String,
    /// Not a door: whether somebody signed in to the account here.
    pub(super) known_here: String,
}

impl Doors {
    pub(super) fn new(identifier: &Identifier, address: IpAddr) -> Self {
        let text = match identifier {
            Identifier::Username(name) => format!("name {name}"),
            Identifier::Email(email) => format!("email {email}"),
        };
        let hash = digest(&SHA256, text.as_bytes());
        let account = URL_SAFE_NO_PAD.encode(&hash.as_ref()[..HASH_BYTES]);
        let address = Network::of(address);
        Self {
            account_here: format!("lockout:account:{account}@{address}"),
            known_here: format!("lockout:known:{account}@{address}"),
            account: format!("lockout:account:{account}"),
            address: format!("lockout:address:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doors(identifier: Identifier, address: &str) -> Doors {
        Doors::new(&identifier, address.parse().unwrap())
    }

    #[test]
    fn names_tell_nothing() {
        let doors = doors(Identifier::email("ann@example.org"), "192.0.2.7");
        assert!(!format!("{doors:?}").contains("ann"), "{doors:?}");
        assert_eq!(doors.address, "lockout:address:192.0.2.7");
        assert_eq!(doors.account.len(), "lockout:account:".len() + 22);
    }

    #[test]
    fn each_account_and_each_network_has_its_own() {
        let ann = || Identifier::username("ann");
        assert_eq!(doors(ann(), "192.0.2.7"), doors(Identifier::username("ANN"), "::ffff:192.0.2.7"));
        assert_ne!(doors(ann(), "192.0.2.7").account, doors(Identifier::username("bo"), "192.0.2.7").account);
        assert_ne!(doors(ann(), "192.0.2.7").account, doors(Identifier::Email("ann".to_owned()), "192.0.2.7").account);
        assert_ne!(doors(ann(), "192.0.2.7").account_here, doors(ann(), "192.0.2.8").account_here);
        assert_eq!(doors(ann(), "2001:db8::1"), doors(ann(), "2001:db8::2:3:4:5"));
        assert_ne!(doors(ann(), "2001:db8::1").address, doors(ann(), "2001:db8:0:1::1").address);
    }
}
