use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use zoetrope_domain::AccountOwner;

use crate::{
    accounts::User,
    rules::{login::Identifier, network::Network},
};

/// Enough of a hash that no two names meet.
const HASH_BYTES: usize = 16;

/// As whom somebody tries to sign in.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// By whichever of its names. Another owner begins without the failures, and without the known addresses, of the one before.
    Account(AccountOwner),
    /// A name or an address that leads to nobody.
    Nobody(&'a Identifier),
}

impl<'a> Subject<'a> {
    /// The user to whom the name leads, if there is one.
    pub fn of(user: Option<&User>, identifier: &'a Identifier) -> Self {
        user.map_or(Self::Nobody(identifier), |user| Self::Account(user.owner()))
    }
}

/// The names of what failures are counted for when somebody at an address tries to sign in as somebody. No user, name or e-mail address can be
/// read from them.
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
    pub(super) fn new(subject: Subject<'_>, address: IpAddr) -> Self {
        let text = match subject {
            Subject::Account(AccountOwner { user_id, generation }) => format!("account {user_id} {generation}"),
            Subject::Nobody(Identifier::Username(name)) => format!("name {name}"),
            Subject::Nobody(Identifier::Email { key, .. }) => format!("email {key}"),
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
    use std::net::Ipv4Addr;

    use uuid::Uuid;
    use zoetrope_domain::UserId;
    use zoetrope_tokens::Role;

    use super::*;
    use crate::accounts::new_user;

    fn doors(identifier: Identifier, address: &str) -> Doors {
        Doors::new(Subject::Nobody(&identifier), address.parse().unwrap())
    }

    #[test]
    fn names_tell_nothing() {
        let doors = doors(Identifier::email("ann@example.org"), "192.0.2.7");
        assert!(!format!("{doors:?}").contains("ann"), "{doors:?}");
        assert_eq!(doors.address, "lockout:address:192.0.2.7");
        assert_eq!(doors.account.len(), "lockout:account:".len() + 22);
    }

    #[test]
    fn an_account_has_the_same_doors_by_all_its_names_until_it_has_another_owner() {
        let user = User { id: UserId::new(Uuid::from_u128(1)), ..new_user("ann".to_owned(), None, Role::User) };
        let by =
            |user: &User, identifier: Identifier| Doors::new(Subject::of(Some(user), &identifier), Ipv4Addr::LOCALHOST.into());
        let by_name = by(&user, Identifier::of("ann"));
        assert_eq!(by_name, by(&user, Identifier::email("ann@example.org")));
        assert_ne!(by_name.account, doors(Identifier::of("ann"), "127.0.0.1").account);
        let taken_over = User { generation: user.generation.next(), ..user };
        let after = by(&taken_over, Identifier::of("ann"));
        assert!(after.account != by_name.account && after.known_here != by_name.known_here && after.address == by_name.address);
    }

    #[test]
    fn each_account_and_each_network_has_its_own() {
        let ann = || Identifier::of("ann");
        assert_eq!(doors(ann(), "192.0.2.7"), doors(Identifier::of("ANN"), "::ffff:192.0.2.7"));
        assert_ne!(doors(ann(), "192.0.2.7").account, doors(Identifier::of("bo"), "192.0.2.7").account);
        assert_ne!(doors(ann(), "192.0.2.7").account, doors(Identifier::email("ann"), "192.0.2.7").account);
        assert_ne!(doors(ann(), "192.0.2.7").account_here, doors(ann(), "192.0.2.8").account_here);
        assert_eq!(doors(ann(), "2001:db8::1"), doors(ann(), "2001:db8::2:3:4:5"));
        assert_ne!(doors(ann(), "2001:db8::1").address, doors(ann(), "2001:db8:0:1::1").address);
    }
}
