use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, EncodingKey,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use secrecy::{ExposeSecret, SecretString};

/// A private key that cannot be used, or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("a private key is not an Ed25519 key in PEM (PKCS#8, version 1)")]
    NotAKey(#[from] jsonwebtoken::errors::Error),
    #[error("the system has no randomness to give")]
    Randomness,
}

/// A private key, and from which moment on it signs.
pub struct SigningKey {
    pub signs_from: DateTime<Utc>,
    pub pem: SecretString,
    pub(super) encoding: EncodingKey,
    /// The public half, named by its thumbprint (RFC 7638), so that the same key has the same name everywhere.
    pub public: Jwk,
    kid: String,
}

impl SigningKey {
    pub fn parse(pem: SecretString, signs_from: DateTime<Utc>) -> Result<Self, KeyError> {
        let encoding = EncodingKey::from_ed_pem(pem.expose_secret().as_bytes())?;
        let mut public = Jwk::from_encoding_key(&encoding, Algorithm::EdDSA)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { signs_from, pem, encoding, public, kid })
    }

    pub fn generate(signs_from: DateTime<Utc>) -> Result<Self, KeyError> {
        // Version 1, without the public key: the JWK cannot be derived from version 2.
        let der = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8v1()).map_err(|_| KeyError::Randomness)?;
        Self::parse(to_pem(der.as_ref()), signs_from)
    }

    /// Its name, by which verifiers find its public half.
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

/// One line suffices: the 48 bytes of an Ed25519 key are 64 characters, the longest line that PEM allows.
fn to_pem(der: &[u8]) -> SecretString {
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_same_name_when_it_is_read_back() {
        let key = SigningKey::generate(DateTime::UNIX_EPOCH).unwrap();
        let read = SigningKey::parse(key.pem.clone(), DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(key.kid(), read.kid());
        assert_ne!(key.kid(), SigningKey::generate(DateTime::UNIX_EPOCH).unwrap().kid());
    }

    #[test]
    fn other_keys_are_refused() {
        let generic = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for text in ["", "not a key", generic] {
            assert!(SigningKey::parse(text.into(), DateTime::UNIX_EPOCH).is_err(), "{text}");
        }
    }
}
