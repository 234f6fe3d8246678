use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use secrecy::{ExposeSecret, SecretString};
use zoetrope_tokens::{Claims, Payload};

/// The signing key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("keys.signing_key is not an Ed25519 private key in PEM (PKCS#8, version 1)")]
pub struct KeyError(#[from] jsonwebtoken::errors::Error);

/// Signs tokens.
pub struct Signer {
    key: EncodingKey,
    key_id: String,
    issuer: String,
    audience: String,
}

impl Signer {
    pub fn new(pem: &SecretString, issuer: &str, audience: &str) -> Result<Self, KeyError> {
        let key = EncodingKey::from_ed_pem(pem.expose_secret().as_bytes())?;
        let key_id = key_id(&Jwk::from_encoding_key(&key, Algorithm::EdDSA)?)?;
        Ok(Self { key, key_id, issuer: issuer.to_owned(), audience: audience.to_owned() })
    }

    /// The name of the key, by which verifiers find its public half.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The token's text.
    pub fn sign(&self, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &Payload::new(claims, &self.issuer, &self.audience), &self.key)
    }
}

/// The public half, named by its thumbprint (RFC 7638), so that the same key has the same name everywhere.
pub(super) fn public_key(key: &EncodingKey) -> Result<Jwk, KeyError> {
    let mut jwk = Jwk::from_encoding_key(key, Algorithm::EdDSA)?;
    jwk.common.key_id = Some(key_id(&jwk)?);
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(jwk)
}

fn key_id(jwk: &Jwk) -> Result<String, KeyError> {
    Ok(jwk.thumbprint(ThumbprintHash::SHA256)?)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use uuid::Uuid;
    use zoetrope_domain::{SessionId, UserId};
    use zoetrope_tokens::{Role, TokenKind, Verifier, VerifierSettings};

    use super::*;
    use crate::keys::generate::key_pair;

    #[test]
    fn what_is_signed_verifies_with_the_published_key() {
        let pair = key_pair().unwrap();
        let signer = Signer::new(&pair.pem, "zoetrope", "zoetrope").unwrap();
        let settings = VerifierSettings { jwks: pair.jwks, issuer: "zoetrope".to_owned(), audience: "zoetrope".to_owned() };
        let now = DateTime::<Utc>::from_timestamp(1_763_700_000, 0).unwrap();
        let claims = Claims {
            user_id: UserId::new(Uuid::from_u128(1)),
            session_id: SessionId::new(Uuid::from_u128(2)),
            username: "ann".to_owned(),
            role: Role::User,
            kind: TokenKind::Session,
            issued_at: now,
            expires_at: now + TimeDelta::days(7),
        };
        let token = signer.sign(&claims).unwrap();
        assert_eq!(Verifier::new(&settings).unwrap().verify(&token, now), Ok(claims));
    }

    #[test]
    fn other_keys_stop_the_start() {
        let generic = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for text in ["", "not a key", generic] {
            assert!(Signer::new(&text.into(), "zoetrope", "zoetrope").is_err(), "{text}");
        }
    }
}
