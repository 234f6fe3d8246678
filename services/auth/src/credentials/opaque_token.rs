use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    error::Unspecified,
    rand,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use uuid::Uuid;

const ID_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;

/// A token that means nothing to its holder: an id that finds its row, and a secret of which only the hash is stored.
///
/// The id keeps the secret out of the search, which could not be done in constant time.
#[derive(Clone)]
pub struct OpaqueToken {
    pub id: Uuid,
    secret: [u8; SECRET_BYTES],
}

impl OpaqueToken {
    pub fn generate() -> Result<Self, Unspecified> {
        let mut secret = [0; SECRET_BYTES];
        rand::fill(&mut secret)?;
        Ok(Self { id: Uuid::now_v7(), secret })
    }

    /// `None` for what we cannot have given out.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, secret) = bytes.split_first_chunk::<ID_BYTES>()?;
        Some(Self { id: Uuid::from_bytes(*id), secret: secret.try_into().ok()? })
    }

    /// The text for the client.
    pub fn reveal(&self) -> SecretString {
        URL_SAFE_NO_PAD.encode([self.id.as_bytes().as_slice(), &self.secret].concat()).into()
    }

    /// What is stored of the secret. A plain hash suffices: 256 random bits cannot be guessed.
    pub fn secret_hash(&self) -> Vec<u8> {
        digest(&SHA256, &self.secret).as_ref().to_vec()
    }

    /// Compares in constant time.
    pub fn matches(&self, stored_hash: &[u8]) -> bool {
        verify_slices_are_equal(&self.secret_hash(), stored_hash).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_reads_back() {
        let token = OpaqueToken::generate().unwrap();
        let read = OpaqueToken::parse(token.reveal().expose_secret()).unwrap();
        assert_eq!(read.id, token.id);
        assert!(read.matches(&token.secret_hash()));
    }

    #[test]
    fn another_secret_does_not_match() {
        let token = OpaqueToken::generate().unwrap();
        let other = OpaqueToken { id: token.id, ..OpaqueToken::generate().unwrap() };
        assert!(!other.matches(&token.secret_hash()));
        assert!(!token.matches(&[]));
    }

    #[test]
    fn noise_is_no_token() {
        let token = OpaqueToken::generate().unwrap().reveal();
        let text = token.expose_secret();
        for noise in ["", "x", "not base64!", &text[1..], &format!("{text}AAAA")] {
            assert!(OpaqueToken::parse(noise).is_none(), "{noise}");
        }
    }
}
