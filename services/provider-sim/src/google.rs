//! Google's keys and the ID tokens that they sign.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::{
    digest::{SHA256, digest},
    error::Unspecified,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::directives::{IdTokenFault, SignIn};

const LIFE: TimeDelta = TimeDelta::hours(1);

/// The keys that are published, the newest first. Making one takes a moment, so the first is made when it is asked for.
#[derive(Default)]
pub(crate) struct KeyRing(Mutex<Vec<Arc<SigningKey>>>);

pub(crate) struct SigningKey {
    id: String,
    pair: KeyPair,
}

/// Whom an ID token is about.
pub(crate) struct Person<'a> {
    pub(crate) email: &'a str,
    pub(crate) says: &'a SignIn,
}

impl KeyRing {
    pub(crate) fn published(&self) -> Result<Vec<Arc<SigningKey>>, Unspecified> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.is_empty() {
            keys.push(Arc::new(SigningKey::generate()?));
        }
        Ok(keys.clone())
    }

    /// From now on another key signs. The one before it stays published; those before that do not.
    pub(crate) fn rotate(&self) -> Result<String, Unspecified> {
        let new = Arc::new(SigningKey::generate()?);
        let id = new.id.clone();
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(0, new);
        keys.truncate(2);
        Ok(id)
    }

    /// An ID token for the client, as faulty as the code says.
    pub(crate) fn id_token(
        &self,
        issuer: &str,
        audience: &str,
        person: &Person<'_>,
        now: DateTime<Utc>,
    ) -> Result<String, Unspecified> {
        let keys = self.published()?;
        let key = keys.first().ok_or(Unspecified)?;
        let fault = person.says.id_token;
        let wrong = |is_wrong: IdTokenFault, right: &str| {
            if fault == Some(is_wrong) { format!("{right}-of-somebody-else") } else { right.to_owned() }
        };
        let (issuer, audience) = (wrong(IdTokenFault::WrongIssuer, issuer), wrong(IdTokenFault::WrongAudience, audience));
        let bare = issuer.split_once("://").map(|(_, bare)| bare.to_owned());
        let issuer = bare.filter(|_| fault == Some(IdTokenFault::BareIssuer)).unwrap_or(issuer);
        let issued_at = if fault == Some(IdTokenFault::Expired) { now - LIFE - LIFE } else { now };
        let mut claims = json!({
            "iss": issuer,
            "azp": audience,
            "aud": audience,
            "sub": person.subject(),
            "email": person.email,
            "email_verified": !person.says.unverified,
            "iat": issued_at.timestamp(),
            "exp": (issued_at + LIFE).timestamp(),
        });
        for (claim, value) in [("name", &person.says.name), ("nonce", &person.says.nonce)] {
            if let Some(value) = value {
                claims[claim] = value.as_str().into();
            }
        }
        if fault == Some(IdTokenFault::OddTypes) {
            claims["email_verified"] = (!person.says.unverified).to_string().into();
            claims["name"] = json!({ "given": "Ann" });
            claims["picture"] = json!(["https://example.com/a.png"]);
        }
        if fault == Some(IdTokenFault::NoSubject) {
            claims["sub"] = Value::Null;
        }
        match fault {
            Some(IdTokenFault::Unsigned) => Ok(format!("{}.", unsigned(&json!({ "alg": "none", "typ": "JWT" }), &claims))),
            Some(IdTokenFault::UnknownKey) => key.sign("nobody-knows-it", &claims),
            Some(IdTokenFault::BadSignature) => {
                claims["sub"] = "of-somebody-else".into();
                let token = key.sign(&key.id, &claims)?;
                let (_, signature) = token.rsplit_once('.').ok_or(Unspecified)?;
                claims["sub"] = person.subject().into();
                Ok(format!("{}.{signature}", unsigned(&key.header(&key.id), &claims)))
            }
            _ => key.sign(&key.id, &claims),
        }
    }
}

impl SigningKey {
    fn generate() -> Result<Self, Unspecified> {
        Ok(Self { id: Uuid::new_v4().simple().to_string(), pair: KeyPair::generate(KeySize::Rsa2048)? })
    }

    /// The public half.
    pub(crate) fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.id,
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        })
    }

    fn header(&self, id: &str) -> Value {
        json!({ "alg": "RS256", "kid": id, "typ": "JWT" })
    }

    fn sign(&self, id: &str, claims: &Value) -> Result<String, Unspecified> {
        let signed = unsigned(&self.header(id), claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", part(header), part(claims))
}

impl Person<'_> {
    /// A number, as Google has them, that is the same whenever the same address comes.
    fn subject(&self) -> String {
        self.says.subject.clone().unwrap_or_else(|| {
            let hash = digest(&SHA256, self.email.as_bytes());
            let number = hash.as_ref().iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
            format!("1{number:020}")
        })
    }
}
