use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    error::Unspecified,
    rand,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use uuid::Uuid;
use zoetrope_domain::ApiKeyId;

/// What tells a key from a token, as clients know it.
const PREFIX: &str = "sk-";
const ID_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
/// So many characters may be shown: all of them belong to the id.
const SHOWN: usize = PREFIX.len() + 8;

/// The text of an API key: an id that finds what is known of it, and a secret of which only the hash is kept.
///
/// The id keeps the secret out of the search, which could not be done in constant time.
pub struct ApiKey {
    pub id: ApiKeyId,
    secret: [u8; SECRET_BYTES],
}

impl ApiKey {
    pub fn generate() -> Result<Self, Unspecified> {
        let mut secret = [0; SECRET_BYTES];
        rand::fill(&mut secret)?;
        // Not by time: the beginning of the id is what its owner knows it by.
        Ok(Self { id: ApiKeyId::new(Uuid::new_v4()), secret })
    }

    /// Whether the text wants to be an API key rather than a token.
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// `None` for what we cannot have given out.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (id, secret) = bytes.split_first_chunk::<ID_BYTES>()?;
        Some(Self { id: ApiKeyId::new(Uuid::from_bytes(*id)), secret: secret.try_into().ok()? })
    }

    /// The text for its owner, who is told it once.
    pub fn reveal(&self) -> SecretString {
        let bytes = [self.id.as_uuid().as_bytes().as_slice(), &self.secret].concat();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)).into()
    }

    /// Its beginning, by which its owner knows it again. Nothing of the secret is in it.
    pub fn shown(&self) -> String {
        let mut text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.id.as_uuid().as_bytes()));
        text.truncate(SHOWN);
        text
    }

    /// What is kept of the secret. A plain hash suffices: 256 random bits cannot be guessed.
    pub fn secret_hash(&self) -> Vec<u8> {
        digest(&SHA256, &self.secret).as_ref().to_vec()
    }

    /// Compares in constant time.
    pub fn matches(&self, kept_hash: &[u8]) -> bool {
        verify_slices_are_equal(&self.secret_hash(), kept_hash).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_key_reads_back() {
        let key = ApiKey::generate().unwrap();
        let text = key.reveal();
        let read = ApiKey::parse(text.expose_secret()).unwrap();
        assert_eq!(read.id, key.id);
        assert!(read.matches(&key.secret_hash()));
        assert!(ApiKey::is_meant_by(text.expose_secret()));
        assert!(text.expose_secret().starts_with(&key.shown()) && key.shown().len() == SHOWN);
    }

    #[test]
    fn another_secret_does_not_match() {
        let key = ApiKey::generate().unwrap();
        let other = ApiKey { id: key.id, ..ApiKey::generate().unwrap() };
        assert!(!other.matches(&key.secret_hash()));
        assert!(!key.matches(&[]));
    }

    #[test]
    fn noise_is_no_key() {
        let text = ApiKey::generate().unwrap().reveal();
        let text = text.expose_secret();
        for noise in ["", "sk-", "sk-x", "sk-not base64!", &text[3..], &text[..60], &format!("{text}AAAA")] {
            assert!(ApiKey::parse(noise).is_none(), "{noise}");
        }
    }
}
