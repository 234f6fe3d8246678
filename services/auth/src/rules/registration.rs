//! What a new user may be called.

use secrecy::{ExposeSecret, SecretString};
use zoetrope_domain::{EmailAddress, InvalidEmailAddress, characters::trimmed as without_ends};
use zoetrope_http::FieldError;

use super::{
    password,
    username::{self, Chooser},
};

/// A user who may be created, if the name and the address are free.
#[derive(Debug)]
pub struct Registration {
    pub username: String,
    /// What the client called the name, for errors that are about it.
    pub username_field: &'static str,
    pub email: Option<String>,
    pub password: SecretString,
}

/// What the client sent.
#[derive(Debug, Default)]
pub struct Candidate {
    pub username: Option<String>,
    /// Another client's word for `username`.
    pub nickname: Option<String>,
    pub email: Option<String>,
    pub password: Option<SecretString>,
}

impl Registration {
    /// Names everything that is wrong, not only the first.
    pub fn parse(candidate: Candidate, chooser: Chooser) -> Result<Self, Vec<FieldError>> {
        let (username_field, username) = match (filled(candidate.username), filled(candidate.nickname)) {
            (None, Some(nickname)) => ("nickname", nickname),
            (username, _) => ("username", username.unwrap_or_default()),
        };
        let password = candidate.password.unwrap_or_default();
        let username = username::parse(&username, chooser);
        let email = optional_email(candidate.email);
        match (username, email, password::check(password.expose_secret())) {
            (Ok(username), Ok(email), Ok(())) => Ok(Self { username, username_field, email, password }),
            (username, email, password) => {
                let checked = [(username_field, username.err()), ("email", email.err()), ("password", password.err())];
                Err(checked.into_iter().filter_map(|(field, message)| Some(FieldError::new(field, message?))).collect())
            }
        }
    }
}

/// Clients send an empty text for "none".
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

/// An address that somebody must give, or what is wrong with it, as a sentence that reads on from the field's name.
pub fn required_email(email: Option<String>) -> Result<String, &'static str> {
    optional_email(email)?.ok_or("is required")
}

/// An address that may be left out, or what is wrong with it, as a sentence that reads on from the field's name.
pub fn optional_email(email: Option<String>) -> Result<Option<String>, &'static str> {
    let given = email.filter(|email| !without_ends(email).is_empty());
    given
        .map(|email| EmailAddress::parse(&email).map(EmailAddress::into_string))
        .transpose()
        .map_err(InvalidEmailAddress::sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(username: &str, email: &str, password: &str) -> Candidate {
        Candidate {
            username: Some(username.to_owned()),
            nickname: None,
            email: Some(email.to_owned()),
            password: Some(password.into()),
        }
    }

    fn fields(candidate: Candidate) -> Vec<String> {
        Registration::parse(candidate, Chooser::Anybody).unwrap_err().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_good_candidate_is_taken() {
        let user = Registration::parse(candidate(" Ann ", "a@x.io", "known to ann"), Chooser::Anybody).unwrap();
        assert_eq!((user.username.as_str(), user.email.as_deref()), ("Ann", Some("a@x.io")));
    }

    #[test]
    fn the_address_may_be_left_out_or_empty() {
        assert_eq!(Registration::parse(candidate("ann", "", "known to ann"), Chooser::Anybody).unwrap().email, None);
        let without = Candidate { email: None, ..candidate("ann", "", "known to ann") };
        assert_eq!(Registration::parse(without, Chooser::Anybody).unwrap().email, None);
    }

    #[test]
    fn a_nickname_is_a_username() {
        let called = |nickname: &str| Candidate {
            username: None,
            nickname: Some(nickname.to_owned()),
            ..candidate("", "", "known to ann")
        };
        let user = Registration::parse(called("Ann"), Chooser::Anybody).unwrap();
        assert_eq!((user.username.as_str(), user.username_field), ("Ann", "nickname"));
        assert_eq!(fields(called("a@b")), ["nickname"]);
    }

    #[test]
    fn everything_wrong_is_named() {
        assert_eq!(fields(Candidate::default()), ["username", "password"]);
        assert_eq!(fields(candidate("", "nonsense", "short")), ["username", "email", "password"]);
    }

    #[test]
    fn odd_names_addresses_and_passwords_are_refused() {
        for username in ["a@x.io", "a\u{7}b", "admin", "../..", &"x".repeat(65)] {
            assert_eq!(fields(candidate(username, "", "known to ann")), ["username"], "{username:?}");
        }
        for email in [
            "a",
            "@x.io",
            "a@",
            "a@io",
            "a@x.",
            "a@.io",
            "a b@x.io",
            "a@b@x.io",
            "<a@x.io>",
            &format!("{}@x.io", "x".repeat(250)),
        ] {
            assert_eq!(fields(candidate("ann", email, "known to ann")), ["email"], "{email:?}");
        }
        for password in ["", "12345", "Dragon", &"x".repeat(1025)] {
            assert_eq!(fields(candidate("ann", "", password)), ["password"], "{password:?}");
        }
    }
}
