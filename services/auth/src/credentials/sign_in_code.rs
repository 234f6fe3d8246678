use aws_lc_rs::{error::Unspecified, hmac, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

/// Enough of a hash that no two names meet.
const NAME_BYTES: usize = 16;

/// Hides sign-in codes, and what they are counted for, from whoever reads the database. It also seals links.
///
/// There are ten thousand codes of four digits, so a hash without a key hides none of them, however slow it is: at a hundredth of a second
/// for each, all are tried before a code expires. So the hash has a key, which is a setting of this service and nowhere in the database.
/// It also contains the id of the code, so that equal codes do not look equal.
#[derive(Clone)]
pub struct CodeKey(hmac::Key);

/// The secret is so short that it could be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have at least {} characters", CodeKey::SHORTEST)]
pub struct WeakCodeKey;

impl CodeKey {
    const SHORTEST: usize = 32;

    pub fn new(secret: &SecretString) -> Result<Self, WeakCodeKey> {
        let secret = secret.expose_secret();
        if secret.len() < Self::SHORTEST {
            return Err(WeakCodeKey);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
    }

    /// What is stored of a code.
    pub fn hash(&self, id: Uuid, code: &str) -> Vec<u8> {
        hmac::sign(&self.0, message(id, code).as_bytes()).as_ref().to_vec()
    }

    /// Compares in constant time.
    pub fn matches(&self, id: Uuid, code: &str, stored_hash: &[u8]) -> bool {
        hmac::verify(&self.0, message(id, code).as_bytes(), stored_hash).is_ok()
    }

    /// Shows that a text comes from us. It needs no escaping in an address.
    pub fn seal(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, sealed(text).as_bytes()))
    }

    /// Compares in constant time.
    pub fn has_sealed(&self, text: &str, seal: &str) -> bool {
        let seal = URL_SAFE_NO_PAD.decode(seal);
        seal.is_ok_and(|seal| hmac::verify(&self.0, sealed(text).as_bytes(), &seal).is_ok())
    }

    /// A name that stands for a text, such as an e-mail address, and does not tell it.
    pub fn name(&self, kind: &str, text: &str) -> String {
        let hash = hmac::sign(&self.0, format!("{kind}\n{text}").as_bytes());
        URL_SAFE_NO_PAD.encode(&hash.as_ref()[..NAME_BYTES])
    }
}

fn message(id: Uuid, code: &str) -> String {
    format!("sign-in code\n{id}\n{code}")
}

fn sealed(text: &str) -> String {
    format!("seal\n{text}")
}

/// A new code of so many digits.
pub fn draw_code(digits: u8) -> Result<String, Unspecified> {
    let mut number = [0; 8];
    rand::fill(&mut number)?;
    // 64 bits are so many more than there are codes that none of them is noticeably likelier than another.
    let number = u64::from_be_bytes(number) % 10_u64.pow(digits.into());
    Ok(format!("{number:0width$}", width = digits.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn key(secret: &str) -> CodeKey {
        CodeKey::new(&secret.repeat(32).into()).unwrap()
    }

    #[test]
    fn a_code_matches_under_its_id_and_key_alone() {
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let hash = key("a").hash(id, "0471");
        assert!(key("a").matches(id, "0471", &hash));
        assert!(!key("a").matches(id, "471", &hash) && !key("a").matches(id, "0472", &hash));
        assert!(!key("a").matches(other, "0471", &hash) && !key("b").matches(id, "0471", &hash));
        assert!(!key("a").matches(id, "0471", &[]));
    }

    #[test]
    fn names_tell_nothing_and_fit_their_text_alone() {
        let name = key("a").name("address", "ann@x.io");
        assert_eq!(name.len(), 22);
        assert_eq!(name, key("a").name("address", "ann@x.io"));
        for other in
            [key("a").name("address", "bo@x.io"), key("a").name("network", "ann@x.io"), key("b").name("address", "ann@x.io")]
        {
            assert_ne!(name, other);
        }
    }

    #[test]
    fn a_seal_fits_its_text_and_key_alone() {
        let seal = key("a").seal("text");
        assert!(key("a").has_sealed("text", &seal));
        assert!(!key("a").has_sealed("texts", &seal) && !key("b").has_sealed("text", &seal));
        assert!(!key("a").has_sealed("text", "") && !key("a").has_sealed("text", "<no seal>"));
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(CodeKey::new(&"x".repeat(31).into()).is_err() && CodeKey::new(&"x".repeat(32).into()).is_ok());
    }

    #[test]
    fn codes_have_their_digits_and_differ() {
        for digits in 4..=9 {
            let code = draw_code(digits).unwrap();
            assert!(code.len() == usize::from(digits) && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        }
        let drawn: HashSet<String> = (0..200).map(|_| draw_code(6).unwrap()).collect();
        assert!(drawn.len() > 150);
        // Leading zeros count, too.
        assert!((0..500).any(|_| draw_code(4).unwrap().starts_with('0')));
    }
}
