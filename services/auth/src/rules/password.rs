//! Which passwords a user may choose.

use precis_core::profile::Rules;
use precis_profiles::OpaqueString;
use secrecy::{ExposeSecret, SecretString};
use zoetrope_http::FieldError;

use super::common_passwords::is_common;

const MIN_CHARS: usize = 6;
/// Far above any passphrase, far below what would be work to hash.
pub const MAX_CHARS: usize = 1024;

/// The form in which passwords are compared: that of RFC 8265 (`OpaqueString`), so that the same letters are the same password on every device,
/// however its keyboard composes them.
///
/// These are the mappings of that profile. Its list of allowed characters is that of an old version of Unicode, and would refuse who
/// uses newer ones, such as most emoji; what must not be in a new password, [`check`] says.
pub fn prepared(password: &SecretString) -> SecretString {
    let profile = OpaqueString::new();
    let given = password.expose_secret();
    let spaced = profile.additional_mapping_rule(given);
    let prepared = spaced.and_then(|spaced| profile.normalization_rule(spaced));
    prepared.map_or_else(|_| password.clone(), |prepared| prepared.into_owned().into())
}

/// What is wrong with a new password, as a sentence that reads on from the field's name.
pub fn check(password: &str) -> Result<(), &'static str> {
    let prepared = prepared(&password.into());
    let password = prepared.expose_secret();
    if password.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    match password.chars().count() {
        0 => Err("is required"),
        1..MIN_CHARS => Err("must have at least 6 characters"),
        MIN_CHARS..=MAX_CHARS if is_common(password) => Err("is one of the most common passwords"),
        MIN_CHARS..=MAX_CHARS => Ok(()),
        _ => Err("must not be longer than 1024 characters"),
    }
}

/// A user's wish for another password.
#[derive(Debug)]
pub struct PasswordChange {
    pub current: SecretString,
    pub new: SecretString,
}

impl PasswordChange {
    pub fn parse(current: Option<SecretString>, new: Option<SecretString>) -> Result<Self, Vec<FieldError>> {
        let (current, new) = (current.unwrap_or_default(), new.unwrap_or_default());
        let checked = [("currentPassword", given(current.expose_secret())), ("newPassword", check(new.expose_secret()))];
        refused(checked).map_or(Ok(Self { current, new }), Err)
    }
}

/// What comes with a link to choose a new password.
#[derive(Debug)]
pub struct PasswordReset {
    pub token: SecretString,
    pub password: SecretString,
}

impl PasswordReset {
    pub fn parse(token: Option<SecretString>, password: Option<SecretString>) -> Result<Self, Vec<FieldError>> {
        let (token, password) = (token.unwrap_or_default(), password.unwrap_or_default());
        let present = if token.expose_secret().is_empty() { Err("is required") } else { Ok(()) };
        refused([("token", present), ("password", check(password.expose_secret()))]).map_or(Ok(Self { token, password }), Err)
    }
}

/// What is wrong with a password that should be known. It must not be work to compare, either.
pub fn given(password: &str) -> Result<(), &'static str> {
    match password.chars().count() {
        0 => Err("is required"),
        1..=MAX_CHARS => Ok(()),
        _ => Err("must not be longer than 1024 characters"),
    }
}

fn refused(checked: [(&'static str, Result<(), &'static str>); 2]) -> Option<Vec<FieldError>> {
    let errors: Vec<_> =
        checked.into_iter().filter_map(|(field, checked)| Some(FieldError::new(field, checked.err()?))).collect();
    if errors.is_empty() { None } else { Some(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_neither_short_nor_endless_nor_common() {
        for good in ["known to ann", "eine Straße", "密码密码密码", &"xy".repeat(512)] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", "short", "密码", "123456", "Password1", &"x".repeat(1025)] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_same_letters_are_the_same_password() {
        let prepared = |text: &str| prepared(&text.into()).expose_secret().to_owned();
        assert_eq!(prepared("su\u{308}ße"), prepared("s\u{fc}ße"));
        assert_eq!(prepared("a\u{3000}b\u{a0}c"), "a b c");
        // Neither case nor width is mapped, and nothing is cut off.
        for same in ["Süße", " known ", "\u{ff41}", "🤖🫠", "a\tb", "ﬁ", ""] {
            assert_eq!(prepared(same), same);
        }
        assert!(check("a\tbcdefg").is_err() && check("a\0bcdefg").is_err());
        assert_eq!(check("🤖🫠🤖🫠🤖🫠"), Ok(()));
        assert!(check("u\u{308}u\u{308}u\u{308}").is_err(), "three letters are taken for six");
    }

    #[test]
    fn a_known_password_may_be_of_the_past() {
        // Rules change, and who signs in has a password already.
        assert_eq!(given("1234"), Ok(()));
        assert_eq!(given("password"), Ok(()));
        assert!(given("").is_err() && given(&"x".repeat(1025)).is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let fields = |errors: Vec<FieldError>| errors.into_iter().map(|error| error.field).collect::<Vec<_>>();
        assert_eq!(fields(PasswordChange::parse(None, None).unwrap_err()), ["currentPassword", "newPassword"]);
        let common = PasswordChange::parse(Some("known".into()), Some("Dragon".into())).unwrap_err();
        assert_eq!(fields(common), ["newPassword"]);
        assert!(PasswordChange::parse(Some("known".into()), Some("better known".into())).is_ok());

        assert_eq!(fields(PasswordReset::parse(None, Some("dragon".into())).unwrap_err()), ["token", "password"]);
        assert!(PasswordReset::parse(Some("abc".into()), Some("better known".into())).is_ok());
    }
}
