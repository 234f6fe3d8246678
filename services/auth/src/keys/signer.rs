use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use anyhow::{Context, ensure};
use chrono::Utc;
use jsonwebtoken::{Algorithm, Header, encode};
use zoetrope_service::{Process, follow_file};
use zoetrope_tokens::{Claims, Payload, Verifier, VerifierSettings};

use super::{directory::PRIVATE, ring::KeyRing};

/// Why a token was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    #[error("none of the signing keys has its public half among the keys that tokens are verified with")]
    NoKey,
    #[error(transparent)]
    Token(#[from] jsonwebtoken::errors::Error),
}

/// Signs tokens. Cheap to clone.
#[derive(Clone)]
pub struct Signer(Arc<Parts>);

struct Parts {
    ring: RwLock<Arc<KeyRing>>,
    verifier: Verifier,
    issuer: String,
    audience: String,
}

impl Signer {
    /// Reads the keys of this folder.
    pub fn open(directory: &Path, verifier: &Verifier, tokens: &VerifierSettings) -> anyhow::Result<(Self, SigningKeyFile)> {
        let path = directory.join(PRIVATE);
        let text = std::fs::read_to_string(&path).with_context(|| format!("keys.directory: cannot read {}", path.display()))?;
        let ring = KeyRing::parse(&text).with_context(|| path.display().to_string())?;
        let signer = Self::new(ring, verifier.clone(), &tokens.issuer, &tokens.audience)?;
        Ok((signer, SigningKeyFile { path, text }))
    }

    fn new(ring: KeyRing, verifier: Verifier, issuer: &str, audience: &str) -> anyhow::Result<Self> {
        check(&ring, &verifier)?;
        let (issuer, audience) = (issuer.to_owned(), audience.to_owned());
        Ok(Self(Arc::new(Parts { ring: RwLock::new(Arc::new(ring)), verifier, issuer, audience })))
    }

    /// Takes on what the file holds whenever it changes.
    pub fn follow(&self, process: &Process, file: SigningKeyFile) {
        let signer = self.clone();
        follow_file(process, "signing_keys", file.path, file.text, move |text| {
            let ring = KeyRing::parse(text)?;
            check(&ring, &signer.0.verifier)?;
            *signer.0.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
            Ok(())
        });
    }

    /// The token's text, signed by the key whose turn it is when the token is issued.
    pub fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        let Parts { ring, verifier, issuer, audience } = &*self.0;
        let ring = Arc::clone(&ring.read().unwrap_or_else(PoisonError::into_inner));
        let key = ring.signing_at(claims.issued_at, |kid| verifier.knows(kid)).ok_or(SignError::NoKey)?;
        let header = Header { kid: Some(key.kid().to_owned()), ..Header::new(Algorithm::EdDSA) };
        Ok(encode(&header, &Payload::new(claims, issuer, audience), &key.encoding)?)
    }
}

/// Where the signing keys came from, and the text that is in use.
pub struct SigningKeyFile {
    path: PathBuf,
    text: String,
}

fn check(ring: &KeyRing, verifier: &Verifier) -> anyhow::Result<()> {
    ensure!(
        ring.signing_at(Utc::now(), |kid| verifier.knows(kid)).is_some(),
        "keys.directory and tokens.jwks_path: {}",
        SignError::NoKey
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use uuid::Uuid;
    use zoetrope_domain::{OwnerGeneration, SessionId, UserId};
    use zoetrope_tokens::{Role, TokenKind};

    use super::*;

    fn claims(now: DateTime<Utc>) -> Claims {
        Claims {
            user_id: UserId::new(Uuid::from_u128(1)),
            owner_generation: OwnerGeneration::FIRST,
            session_id: SessionId::new(Uuid::from_u128(2)),
            username: "ann".to_owned(),
            role: Role::User,
            kind: TokenKind::Session,
            issued_at: now,
            expires_at: now + TimeDelta::days(7),
        }
    }

    #[test]
    fn what_is_signed_verifies_with_the_published_keys_through_a_rotation() {
        let now = DateTime::<Utc>::from_timestamp(1_763_700_000, 0).unwrap();
        let mut ring = KeyRing::generate(now).unwrap();
        ring.rotate(now, TimeDelta::minutes(10)).unwrap();
        let verifier = Verifier::new(&ring.jwks().unwrap(), "zoetrope", "zoetrope").unwrap();
        let signer = Signer::new(ring, verifier.clone(), "zoetrope", "zoetrope").unwrap();
        let [before, after] = [now, now + TimeDelta::minutes(10)].map(|time| {
            let token = signer.sign(&claims(time)).unwrap();
            assert_eq!(verifier.verify(&token, time), Ok(claims(time)));
            jsonwebtoken::decode_header(&token).unwrap().kid
        });
        assert_ne!(before, after);
    }

    #[test]
    fn keys_that_nobody_could_verify_are_refused() {
        let now = Utc::now();
        let other = KeyRing::generate(now).unwrap();
        let verifier = Verifier::new(&other.jwks().unwrap(), "zoetrope", "zoetrope").unwrap();
        assert!(Signer::new(KeyRing::generate(now).unwrap(), verifier, "zoetrope", "zoetrope").is_err());
    }
}
