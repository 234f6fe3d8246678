//! What an API key may be.

use chrono::{DateTime, Utc};
use zoetrope_domain::characters::turns_text;
use zoetrope_http::FieldError;
use zoetrope_tokens::{Scope, Scopes};

const MAX_NAME_CHARS: usize = 100;

/// A key that may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyWish {
    pub name: String,
    pub scopes: Scopes,
    /// `None`: it does not expire.
    pub expires_at: Option<DateTime<Utc>>,
}

impl KeyWish {
    /// Without scopes it is good for all of them. Names everything that is wrong.
    pub fn parse(
        name: Option<String>,
        scopes: Option<Vec<String>>,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let name = name.unwrap_or_default().trim().to_owned();
        if name.is_empty() {
            errors.push(FieldError::new("name", "is required"));
        } else if name.chars().count() > MAX_NAME_CHARS {
            errors.push(FieldError::new("name", "must not be longer than 100 characters"));
        } else if name.chars().any(|character| character.is_control() || turns_text(character)) {
            errors.push(FieldError::new("name", "must not contain control characters"));
        }
        let scopes = read(scopes).unwrap_or_else(|error| {
            errors.push(error);
            Scopes::all()
        });
        if expires_at.is_some_and(|expires_at| expires_at <= now) {
            errors.push(FieldError::new("expiresAt", "must be in the future"));
        }
        if errors.is_empty() { Ok(Self { name, scopes, expires_at }) } else { Err(errors) }
    }
}

fn read(scopes: Option<Vec<String>>) -> Result<Scopes, FieldError> {
    let Some(scopes) = scopes else { return Ok(Scopes::all()) };
    if scopes.is_empty() {
        return Err(FieldError::new("scopes", "must not be empty"));
    }
    let known: Result<Scopes, _> = scopes.iter().map(|scope| scope.parse::<Scope>()).collect();
    known.map_err(|_| FieldError::new("scopes", "must be some of read, write and webhooks"))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_763_700_000, 0).unwrap()
    }

    fn wish(name: &str, scopes: Option<&[&str]>, seconds: Option<i64>) -> Result<KeyWish, Vec<String>> {
        let scopes = scopes.map(|scopes| scopes.iter().map(|&scope| scope.to_owned()).collect());
        let expires_at = seconds.map(|seconds| now() + TimeDelta::seconds(seconds));
        KeyWish::parse(Some(name.to_owned()), scopes, expires_at, now())
            .map_err(|errors| errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn a_key_needs_only_a_name() {
        let all = wish(" ci ", None, None).unwrap();
        assert_eq!((all.name.as_str(), all.scopes, all.expires_at), ("ci", Scopes::all(), None));
        let some = wish("ci", Some(&["write", "read"]), Some(1)).unwrap();
        assert_eq!(some.scopes, Scopes::from_iter([Scope::Read, Scope::Write]));
        assert_eq!(some.expires_at, Some(now() + TimeDelta::seconds(1)));
    }

    #[test]
    fn everything_wrong_is_named() {
        assert_eq!(wish("", Some(&["admin"]), Some(0)), Err(vec!["name".into(), "scopes".into(), "expiresAt".into()]));
        assert_eq!(wish("ci", Some(&[]), None), Err(vec!["scopes".into()]));
        for name in ["a\u{7}b", &"x".repeat(101)] {
            assert_eq!(wish(name, None, None), Err(vec!["name".into()]), "{name:?}");
        }
    }
}
