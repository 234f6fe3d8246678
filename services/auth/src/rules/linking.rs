//! Whose account it is that somebody comes to without a password.

use zoetrope_domain::UserId;

/// Who vouches for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    Google,
    /// One program of WeChat: an `openid`.
    WeChat,
    /// All programs of one developer: a `unionid`.
    WeChatUnion,
}

impl Provider {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Google => "GOOGLE",
            Self::WeChat => "WECHAT",
            Self::WeChatUnion => "WECHAT_UNION",
        }
    }
}

/// As whom somebody else knows a user: a name that is never changed, and never given to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub provider: Provider,
    pub subject: String,
}

/// What somebody has just shown to be, by a code from a mail, or by the word of another service.
#[derive(Debug, Clone, Default)]
pub struct Arrival {
    /// The first counts most, if they lead to different users.
    pub identities: Vec<Identity>,
    /// An address at which this person surely receives mail. One that was only told is left out.
    pub verified_email: Option<String>,
    /// What a new user is to be called, roughly.
    pub name: Option<String>,
}

/// A user who has the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    pub user: UserId,
    /// Whether the user has ever shown to receive what is sent there.
    pub verified: bool,
    pub is_admin: bool,
}

impl Holder {
    /// Whoever opens an administrator's account could have mistyped its address, or made it up. Its mailbox must then be no way in.
    pub const fn is_guarded(&self) -> bool {
        self.is_admin && !self.verified
    }
}

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Of this user, who is known by one of the identities or by an address that was shown before.
    Own(UserId),
    /// Of this user, who had only claimed the address. Whoever opened the account may have been somebody else, so whatever lets one in
    /// that was set before the address was shown goes.
    Claimed(UserId),
    /// Of this administrator, see [`Holder::is_guarded`]: nobody comes in.
    Guarded(UserId),
    /// Of nobody yet.
    New,
}

/// An identity that is known leads to its user, whatever the address says by now. Else a verified address does; one that is not never does.
pub fn account(known: Option<UserId>, holder: Option<Holder>) -> Account {
    match (known, holder) {
        (Some(user), _) => Account::Own(user),
        (None, Some(holder)) if holder.is_guarded() => Account::Guarded(holder.user),
        (None, Some(Holder { user, verified: true, .. })) => Account::Own(user),
        (None, Some(Holder { user, verified: false, .. })) => Account::Claimed(user),
        (None, None) => Account::New,
    }
}

#[cfg(test)]
mod tests {
    use proptest::{option, prelude::*};
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId::new(Uuid::from_u128(number))
    }

    fn holder(verified: bool, is_admin: bool) -> Option<Holder> {
        Some(Holder { user: user(2), verified, is_admin })
    }

    #[test]
    fn a_known_identity_counts_more_than_an_address() {
        for is_admin in [false, true] {
            assert_eq!(account(Some(user(1)), holder(true, is_admin)), Account::Own(user(1)));
            assert_eq!(account(Some(user(1)), holder(false, is_admin)), Account::Own(user(1)));
        }
        assert_eq!(account(Some(user(1)), None), Account::Own(user(1)));
    }

    #[test]
    fn a_shown_address_leads_to_its_user_and_a_claimed_one_is_taken_over() {
        assert_eq!(account(None, holder(true, false)), Account::Own(user(2)));
        assert_eq!(account(None, holder(false, false)), Account::Claimed(user(2)));
        assert_eq!(account(None, None), Account::New);
    }

    #[test]
    fn an_administrators_account_is_not_taken_over() {
        assert_eq!(account(None, holder(true, true)), Account::Own(user(2)));
        assert_eq!(account(None, holder(false, true)), Account::Guarded(user(2)));
    }

    proptest! {
        #[test]
        fn nobody_comes_to_the_account_of_another(
            known in option::of(0u128..4),
            holder in option::of((0u128..4, any::<bool>(), any::<bool>())),
        ) {
            let known = known.map(user);
            let holder = holder.map(|(number, verified, is_admin)| Holder { user: user(number), verified, is_admin });
            match account(known, holder) {
                Account::Own(own) => {
                    let by_address = holder.filter(|holder| holder.verified).map(|holder| holder.user);
                    prop_assert_eq!(Some(own), known.or(by_address));
                }
                Account::Claimed(claimed) => {
                    prop_assert_eq!(known, None);
                    prop_assert_eq!(holder, Some(Holder { user: claimed, verified: false, is_admin: false }));
                }
                Account::Guarded(admin) => {
                    prop_assert_eq!(known, None);
                    prop_assert_eq!(holder, Some(Holder { user: admin, verified: false, is_admin: true }));
                }
                Account::New => prop_assert!(known.is_none() && holder.is_none()),
            }
        }
    }
}
