use std::{
    collections::HashMap,
    fs, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm},
};
use serde::Deserialize;
use zoetrope_service::{Process, follow_file};

use crate::{Claims, KeyName, Payload, recent::Recent};

/// Ours are under 700 bytes; anything much longer is not worth decoding.
const MAX_TOKEN_BYTES: usize = 4096;
/// A signature costs more to check than everything else about a small request, and clients send the same token again and again.
const REMEMBERED_TOKENS: usize = 10_000;
const REMEMBERED_FOR: Duration = Duration::from_secs(15 * 60);

/// The public side of signing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifierSettings {
    /// Where the public keys are, as a JWK set. The file is followed while the process runs.
    pub jwks_path: PathBuf,
    /// The `iss` that a token must carry.
    #[serde(default = "default_name")]
    pub issuer: String,
    /// The `aud` that a token must carry.
    #[serde(default = "default_name")]
    pub audience: String,
}

fn default_name() -> String {
    "zoetrope".to_owned()
}

/// The public keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    #[error("tokens.jwks_path: cannot read {path}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("the public keys are not a JWK set")]
    NotAKeySet(#[source] serde_json::Error),
    #[error("there is no public key")]
    Empty,
    #[error("a public key has no kid")]
    NoKeyId,
    #[error("two public keys are called {0}")]
    DuplicateKeyId(String),
    #[error("public key {0} is not an Ed25519 key")]
    UnsupportedKey(String),
}

/// Why a token does not let its bearer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was good once.
    #[error("token has expired")]
    Expired,
    #[error("token is not valid")]
    Invalid,
}

/// Verifies tokens with the public keys. Cheap to clone.
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<RwLock<Arc<KeySet>>>,
    validation: Arc<Validation>,
}

/// The keys of one moment, and what was learned with them: when they change, all of that is forgotten with them.
struct KeySet {
    keys: HashMap<KeyName, DecodingKey>,
    text: Arc<str>,
    /// What tokens say whose signature was found to be good.
    verified: Recent<Box<str>, (Claims, KeyName)>,
}

impl KeySet {
    fn parse(text: &str) -> Result<Self, KeySetError> {
        let set: JwkSet = serde_json::from_str(text).map_err(KeySetError::NotAKeySet)?;
        if set.keys.is_empty() {
            return Err(KeySetError::Empty);
        }
        let mut keys = HashMap::with_capacity(set.keys.len());
        for jwk in &set.keys {
            let kid = jwk.common.key_id.clone().ok_or(KeySetError::NoKeyId)?;
            let key = decoding_key(jwk).ok_or_else(|| KeySetError::UnsupportedKey(kid.clone()))?;
            if keys.insert(KeyName::from(kid.as_str()), key).is_some() {
                return Err(KeySetError::DuplicateKeyId(kid));
            }
        }
        Ok(Self { keys, text: text.into(), verified: Recent::new(REMEMBERED_TOKENS) })
    }
}

impl Verifier {
    /// Reads the keys from where the settings say.
    pub fn open(settings: &VerifierSettings) -> Result<Self, KeySetError> {
        let unreadable = |source| KeySetError::Unreadable { path: settings.jwks_path.clone(), source };
        let jwks = fs::read_to_string(&settings.jwks_path).map_err(unreadable)?;
        Self::new(&jwks, &settings.issuer, &settings.audience)
    }

    /// Takes the text of a JWK set.
    pub fn new(jwks: &str, issuer: &str, audience: &str) -> Result<Self, KeySetError> {
        let keys = KeySet::parse(jwks)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The caller brings the time.
        validation.validate_exp = false;
        Ok(Self { keys: Arc::new(RwLock::new(Arc::new(keys))), validation: Arc::new(validation) })
    }

    /// Takes on what the file of the keys holds, from now on and whenever it changes.
    pub fn follow(&self, process: &Process, settings: &VerifierSettings) {
        let verifier = self.clone();
        follow_file(process, "token_keys", settings.jwks_path.clone(), self.jwks().to_string(), move |jwks| {
            verifier.replace(jwks)?;
            Ok(())
        });
    }

    /// From now on these are the keys. What cannot be used changes nothing.
    pub fn replace(&self, jwks: &str) -> Result<(), KeySetError> {
        let keys = Arc::new(KeySet::parse(jwks)?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// The keys in use, as the text of a JWK set.
    pub fn jwks(&self) -> Arc<str> {
        Arc::clone(&self.keys().text)
    }

    /// Whether one of the keys is called `kid`.
    pub fn knows(&self, kid: &str) -> bool {
        self.keys().keys.contains_key(kid)
    }

    fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The claims of a token that one of our keys signed and that is still good at `now`.
    ///
    /// It does not tell whether the session was revoked: see [`crate::Revocations`].
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, TokenError> {
        self.verify_signed(token, now).map(|(claims, _)| claims)
    }

    /// As [`verify`](Self::verify), with the name of the key that signed it.
    pub(crate) fn verify_signed(&self, token: &str, now: DateTime<Utc>) -> Result<(Claims, KeyName), TokenError> {
        let seen_at = Instant::now();
        let keys = self.keys();
        let verified = match keys.verified.get(token, seen_at) {
            Some(verified) => verified,
            None => {
                let verified = self.check(token, &keys)?;
                keys.verified.put(token.into(), verified.clone(), REMEMBERED_FOR, seen_at);
                verified
            }
        };
        if verified.0.expires_at <= now { Err(TokenError::Expired) } else { Ok(verified) }
    }

    /// Everything but the time.
    fn check(&self, token: &str, keys: &KeySet) -> Result<(Claims, KeyName), TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Invalid);
        }
        let header = decode_header(token).map_err(|_| TokenError::Invalid)?;
        // An extension that the signer calls critical and that we do not know must not be passed over (RFC 7515, 4.1.11).
        if header.crit.is_some() {
            return Err(TokenError::Invalid);
        }
        let (name, key) = header.kid.and_then(|kid| keys.keys.get_key_value(kid.as_str())).ok_or(TokenError::Invalid)?;
        let payload = decode::<Payload>(token, key, &self.validation).map_err(|_| TokenError::Invalid)?.claims;
        Ok((payload.into_claims().ok_or(TokenError::Invalid)?, name.clone()))
    }
}

/// `None` for anything but an Ed25519 public key.
fn decoding_key(jwk: &Jwk) -> Option<DecodingKey> {
    const ED25519_PUBLIC_KEY_BYTES: usize = 32;

    let AlgorithmParameters::OctetKeyPair(parameters) = &jwk.algorithm else { return None };
    let for_eddsa = jwk.common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::EdDSA);
    if parameters.curve != EllipticCurve::Ed25519 || !for_eddsa {
        return None;
    }
    let key = DecodingKey::from_ed_components(&parameters.x).ok()?;
    (key.try_get_as_bytes().ok()?.len() == ED25519_PUBLIC_KEY_BYTES).then_some(key)
}

#[cfg(test)]
pub(crate) mod tests;
