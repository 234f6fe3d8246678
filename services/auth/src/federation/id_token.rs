//! What Google says of a user: a token that it has signed.
//!
//! Not read by the OpenID library: that takes no issuer without a scheme, which Google documents and sends, and gives up on claims that nobody
//! needs when they are of another type.

use std::collections::HashSet;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind, jwk::Jwk};
use serde::Deserialize;
use serde_json::Value;

/// How far our clock may be ahead of Google's, in seconds.
const LEEWAY: u64 = 30;

/// Who may sign a token, and for whom.
pub struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    /// What the front-end sent to Google, if it did.
    pub nonce: Option<&'a str>,
}

/// Why a token counts for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFault {
    /// There may be a newer key.
    UnknownKey,
    /// In words for the log.
    Bad(&'static str),
}

/// What is used of a token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claims {
    pub sub: String,
    #[serde(default)]
    email: Value,
    #[serde(default)]
    email_verified: Value,
    #[serde(default)]
    name: Value,
    #[serde(default)]
    nonce: Value,
}

impl Claims {
    /// An address that Google has verified.
    pub fn verified_email(&self) -> Option<&str> {
        // Some of Google's libraries write the truth as text.
        let is_verified = self.email_verified == Value::Bool(true) || self.email_verified.as_str() == Some("true");
        self.email.as_str().filter(|_| is_verified)
    }

    pub fn name(&self) -> Option<&str> {
        self.name.as_str()
    }
}

/// The claims of a token that is signed with one of the keys (RS256, and nothing else), for us, and good now.
pub fn verify(token: &str, keys: &[Jwk], expected: &Expected<'_>) -> Result<Claims, TokenFault> {
    let header = decode_header(token).map_err(|_| TokenFault::Bad("the ID token cannot be read"))?;
    if header.alg != Algorithm::RS256 {
        return Err(TokenFault::Bad("the ID token is signed in another way than Google signs"));
    }
    let is_named = |key: &&Jwk| header.kid.is_none() || key.common.key_id == header.kid;
    let mut named = keys.iter().filter(is_named).peekable();
    if named.peek().is_none() {
        return Err(TokenFault::UnknownKey);
    }
    let mut fault = TokenFault::Bad("the ID token's signature is not good");
    for key in named {
        let Ok(key) = DecodingKey::from_jwk(key) else { continue };
        match decode::<Claims>(token, &key, &rules(expected)) {
            Ok(decoded) => return of_this_sign_in(decoded.claims, expected),
            Err(error) if *error.kind() == ErrorKind::InvalidSignature => {}
            Err(error) => fault = TokenFault::Bad(in_words(error.kind())),
        }
    }
    Err(fault)
}

fn rules(expected: &Expected<'_>) -> Validation {
    let mut rules = Validation::new(Algorithm::RS256);
    rules.leeway = LEEWAY;
    rules.aud = Some(HashSet::from([expected.client_id.to_owned()]));
    let bare = expected.issuer.split_once("://").map(|(_, bare)| bare.to_owned());
    rules.iss = Some([expected.issuer.to_owned()].into_iter().chain(bare).collect());
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    rules
}

fn of_this_sign_in(claims: Claims, expected: &Expected<'_>) -> Result<Claims, TokenFault> {
    if expected.nonce.is_some_and(|nonce| claims.nonce.as_str() != Some(nonce)) {
        return Err(TokenFault::Bad("the ID token has another nonce"));
    }
    Ok(claims)
}

fn in_words(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "the ID token has expired",
        ErrorKind::InvalidAudience => "the ID token is for somebody else",
        ErrorKind::InvalidIssuer => "the ID token is another's",
        _ => "the ID token is not good",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(changes: &[(&str, Value)]) -> Claims {
        let mut claims = json!({ "sub": "1", "email": "ann@example.com", "email_verified": true, "name": "Ann" });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        serde_json::from_value(claims).unwrap()
    }

    #[test]
    fn only_a_verified_address_counts() {
        assert_eq!(claims(&[]).verified_email(), Some("ann@example.com"));
        assert_eq!(claims(&[("email_verified", json!("true"))]).verified_email(), Some("ann@example.com"));
        for unverified in [json!(false), json!("false"), json!(1), Value::Null] {
            assert_eq!(claims(&[("email_verified", unverified.clone())]).verified_email(), None, "{unverified}");
        }
        assert_eq!(claims(&[("email", Value::Null)]).verified_email(), None);
        assert_eq!(claims(&[("email", json!(["a@x.io"]))]).verified_email(), None);
    }

    #[test]
    fn claims_of_another_type_do_not_matter() {
        let odd =
            claims(&[("name", json!({ "given": "Ann" })), ("email", json!(1)), ("picture", json!(null)), ("aud", json!(["us"]))]);
        assert_eq!((odd.name(), odd.verified_email(), odd.sub.as_str()), (None, None, "1"));
    }

    #[test]
    fn what_is_no_token_is_bad_for_ever() {
        let expected = Expected { issuer: "https://accounts.google.com", client_id: "us", nonce: None };
        for text in ["", "a.b.c", "not a token", "eyJhbGciOiJub25lIn0.e30."] {
            assert!(matches!(verify(text, &[], &expected), Err(TokenFault::Bad(_))), "{text}");
        }
    }
}
