//! What a new user may be called.

use secrecy::{ExposeSecret, SecretString};
use zoetrope_http::FieldError;

use super::password;

const MAX_USERNAME_CHARS: usize = 64;
const MAX_EMAIL_CHARS: usize = 254;

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
    pub fn parse(candidate: Candidate) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut keep = |field: &'static str, checked: Result<(), &'static str>| {
            if let Err(message) = checked {
                errors.push(FieldError::new(field, message));
            }
        };

        let (username_field, username) = match (trimmed(candidate.username), trimmed(candidate.nickname)) {
            (None, Some(nickname)) => ("nickname", nickname),
            (username, _) => ("username", username.unwrap_or_default()),
        };
        let email = trimmed(candidate.email);
        let password = candidate.password.unwrap_or_default();

        keep(username_field, check_username(&username));
        keep("email", email.as_deref().map_or(Ok(()), check_email));
        keep("password", password::check(password.expose_secret()));
        if errors.is_empty() { Ok(Self { username, username_field, email, password }) } else { Err(errors) }
    }
}

/// Without spaces around it. Clients send an empty text for "none".
fn trimmed(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What is wrong with a name to sign in with, as a sentence that reads on from the field's name.
pub fn check_username(username: &str) -> Result<(), &'static str> {
    if username.is_empty() {
        Err("is required")
    } else if username.chars().count() > MAX_USERNAME_CHARS {
        Err("must not be longer than 64 characters")
    } else if username.chars().any(char::is_control) {
        Err("must not contain control characters")
    } else if username.contains('@') {
        // So that nobody takes another's address for a name, and one field can serve both at sign-in.
        Err("must not contain @")
    } else {
        Ok(())
    }
}

/// An address that somebody must give, or what is wrong with it, as a sentence that reads on from the field's name.
pub fn required_email(email: Option<String>) -> Result<String, &'static str> {
    let email = trimmed(email).ok_or("is required")?;
    check_email(&email).map(|()| email)
}

/// What is wrong with an address, as a sentence that reads on from the field's name.
pub fn check_email(email: &str) -> Result<(), &'static str> {
    let looks_right = |email: &str| {
        let (local, domain) = email.rsplit_once('@')?;
        let labels_filled = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
        let plain = !email.chars().any(|c| c.is_whitespace() || c.is_control());
        (!local.is_empty() && !local.contains('@') && labels_filled && plain).then_some(())
    };
    if email.chars().count() > MAX_EMAIL_CHARS {
        Err("must not be longer than 254 characters")
    } else {
        looks_right(email).ok_or("must be an e-mail address")
    }
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
        Registration::parse(candidate).unwrap_err().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_good_candidate_is_taken() {
        let user = Registration::parse(candidate(" Ann ", "a@x.io", "known to ann")).unwrap();
        assert_eq!((user.username.as_str(), user.email.as_deref()), ("Ann", Some("a@x.io")));
    }

    #[test]
    fn the_address_may_be_left_out_or_empty() {
        assert_eq!(Registration::parse(candidate("ann", "", "known to ann")).unwrap().email, None);
        let without = Candidate { email: None, ..candidate("ann", "", "known to ann") };
        assert_eq!(Registration::parse(without).unwrap().email, None);
    }

    #[test]
    fn a_nickname_is_a_username() {
        let called = |nickname: &str| Candidate {
            username: None,
            nickname: Some(nickname.to_owned()),
            ..candidate("", "", "known to ann")
        };
        let user = Registration::parse(called("Ann")).unwrap();
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
        for username in ["a@x.io", "a\u{7}b", &"x".repeat(65)] {
            assert_eq!(fields(candidate(username, "", "known to ann")), ["username"], "{username:?}");
        }
        for email in ["a", "@x.io", "a@", "a@io", "a@x.", "a@.io", "a b@x.io", "a@b@x.io", &format!("{}@x.io", "x".repeat(250))] {
            assert_eq!(fields(candidate("ann", email, "known to ann")), ["email"], "{email:?}");
        }
        for password in ["", "12345", "Dragon", &"x".repeat(1025)] {
            assert_eq!(fields(candidate("ann", "", password)), ["password"], "{password:?}");
        }
    }
}
