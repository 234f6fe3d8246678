//! What becomes of an e-mail address that a user asks for.

use super::login::is_same_address;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressChange {
    /// It is the user's already, perhaps in other letters.
    Same,
    /// There is nothing to lose: the user has never shown to receive mail at the present address, or has none.
    Claim,
    /// The user would give up an address that surely is the user's, for one that may be mistyped.
    Move,
}

/// What it means that a user, whose present address may be verified, asks for this one.
pub fn address_change(present: Option<&str>, is_verified: bool, asked: &str) -> AddressChange {
    if present.is_some_and(|present| is_same_address(present, asked)) {
        AddressChange::Same
    } else if present.is_some() && is_verified {
        AddressChange::Move
    } else {
        AddressChange::Claim
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_shown_can_be_lost() {
        let asked = |present, is_verified| address_change(present, is_verified, "Ann@x.io");
        assert_eq!((asked(Some("ann@X.io"), false), asked(Some("ann@x.io"), true)), (AddressChange::Same, AddressChange::Same));
        assert_eq!((asked(None, false), asked(Some("bo@x.io"), false)), (AddressChange::Claim, AddressChange::Claim));
        assert_eq!(asked(Some("an\u{200B}n@x.io"), true), AddressChange::Same);
        assert_eq!(asked(Some("bo@x.io"), true), AddressChange::Move);
    }
}
