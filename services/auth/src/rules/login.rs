//! Who wants to sign in.

use secrecy::{ExposeSecret, SecretString};
use zoetrope_domain::EmailAddress;
use zoetrope_http::FieldError;

use super::password;

/// A name or an address, and the password to go with it.
#[derive(Debug)]
pub struct Login {
    pub identifier: Identifier,
    pub password: SecretString,
}

/// The key that finds a user. Names hold no `@`, so a text tells by itself which of the two it is. A name is as it was typed, but for its case:
/// see [`super::username::spellings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identifier {
    Username(String),
    Email {
        /// Of the normal form.
        key: String,
        /// As it was typed, but for its case: addresses from before there was a normal form are stored so.
        typed: String,
    },
}

impl Login {
    /// Takes whichever of the two fields is filled; clients let people type an address into the field for names.
    pub fn parse(
        username: Option<String>,
        email: Option<String>,
        password: Option<SecretString>,
    ) -> Result<Self, Vec<FieldError>> {
        let filled = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let asked_for = if email.is_some() && username.is_none() { "email" } else { "username" };
        let identifier =
            filled(username).or_else(|| filled(email)).ok_or("is required").and_then(|text| Identifier::parse(&text));
        let password = password.unwrap_or_default();
        match (identifier, password::given(password.expose_secret())) {
            (Ok(identifier), Ok(())) => Ok(Self { identifier, password }),
            (identifier, given) => {
                let errors = [(asked_for, identifier.map(|_| ())), ("password", given)].into_iter();
                Err(errors.filter_map(|(field, checked)| Some(FieldError::new(field, checked.err()?))).collect())
            }
        }
    }
}

impl Identifier {
    /// Nobody is called what no registration allows, and PostgreSQL takes no NUL.
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.chars().any(char::is_control) { Err("must not contain control characters") } else { Ok(Self::of(text)) }
    }

    /// By a name or an address, as one types it.
    pub fn of(text: &str) -> Self {
        if text.contains('@') { Self::email(text) } else { Self::Username(key(text)) }
    }

    pub fn email(email: &str) -> Self {
        Self::Email { key: email_key(email), typed: key(email) }
    }
}

/// Whether mail to the two goes to one mailbox, as far as one can tell: they are the same in their normal form.
pub fn is_same_address(one: &str, other: &str) -> bool {
    email_key(one) == email_key(other)
}

/// Without what nobody sees in an address, which comes along with what people copy.
fn email_key(text: &str) -> String {
    EmailAddress::parse(text).map_or_else(|_| key(text), |address| key(address.as_str()))
}

/// The form in which names and addresses are compared.
pub fn key(text: &str) -> String {
    text.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(username: Option<&str>, email: Option<&str>) -> Identifier {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Login::parse(owned(username), owned(email), Some("secret".into())).unwrap().identifier
    }

    #[test]
    fn either_field_finds_the_user() {
        assert_eq!(identifier(Some(" Ann"), None), Identifier::Username("ann".to_owned()));
        assert_eq!(identifier(None, Some("A@x.io")), Identifier::email("a@x.io"));
        assert_eq!(identifier(Some("A@x.io"), None), Identifier::email("a@x.io"));
        let typed = Identifier::Email { key: "a@x.io".to_owned(), typed: "a\u{200B}@x.io".to_owned() };
        assert_eq!(identifier(None, Some("A\u{200B}@x.io\u{A0}")), typed);
        assert_eq!(identifier(Some(""), Some("a@x.io")), Identifier::email("a@x.io"));
    }

    #[test]
    fn one_mailbox_is_told_from_another() {
        for same in ["Ann@X.io", "a\u{200B}nn@x.io", "ann@\u{FF58}.io"] {
            assert!(is_same_address(same, "ann@x.io"), "{same:?}");
        }
        assert!(is_same_address("jose\u{301}@x.io", "jos\u{e9}@x.io") && !is_same_address("bo@x.io", "ann@x.io"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let fields = |username: Option<&str>, email: Option<&str>, password: Option<&str>| {
            let errors = Login::parse(username.map(Into::into), email.map(Into::into), password.map(Into::into)).unwrap_err();
            errors.into_iter().map(|error| error.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(None, None, None), ["username", "password"]);
        assert_eq!(fields(None, Some(""), Some("secret")), ["email"]);
        assert_eq!(fields(Some("ann"), None, Some("")), ["password"]);
        assert_eq!(fields(Some("a\0b"), None, Some(&"x".repeat(1025))), ["username", "password"]);
    }
}
