use std::fmt;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_STANDARD};
use secrecy::SecretString;

const PREFIX: &str = "whsec_";
const BYTES: usize = 32;

/// What signs messages, known to their receiver: `whsec_` and 32 random bytes in base64.
#[derive(Clone)]
pub struct Secret {
    text: SecretString,
    key: hmac::Key,
}

/// A text that is no secret. Does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a webhook secret")]
pub struct InvalidSecret;

impl Secret {
    pub fn generate() -> Self {
        let bytes: [u8; BYTES] = rand::random();
        Self::of(format!("{PREFIX}{}", BASE64_STANDARD.encode(bytes)), &bytes)
    }

    pub fn parse(text: String) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
        Ok(Self::of(text, &bytes))
    }

    fn of(text: String, bytes: &[u8]) -> Self {
        Self { text: text.into(), key: hmac::Key::new(hmac::HMAC_SHA256, bytes) }
    }

    /// The text for its owner and for storage.
    pub fn reveal(&self) -> &SecretString {
        &self.text
    }

    fn sign(&self, signed: &[u8]) -> String {
        format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(&self.key, signed)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret([REDACTED])")
    }
}

/// The secrets that are valid now.
#[derive(Debug, Clone)]
pub struct Secrets {
    pub current: Secret,
    /// The one before, while a receiver may still know that one only.
    pub previous: Option<Secret>,
}

impl Secrets {
    /// The value of the header `webhook-signature`: one signature for each secret.
    pub fn signature(&self, webhook_id: &str, timestamp: i64, body: &[u8]) -> String {
        let signed = [format!("{webhook_id}.{timestamp}.").as_bytes(), body].concat();
        let signatures: Vec<String> =
            [Some(&self.current), self.previous.as_ref()].into_iter().flatten().map(|secret| secret.sign(&signed)).collect();
        signatures.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use reqwest::header::HeaderMap;
    use secrecy::ExposeSecret;
    use standardwebhooks::Webhook;

    use super::*;

    /// As a receiver does that uses the specification's own library.
    fn accepts(secret: &Secret, timestamp: i64, signature: &str, body: &[u8]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", "msg_1".parse().unwrap());
        headers.insert("webhook-timestamp", timestamp.into());
        headers.insert("webhook-signature", signature.parse().unwrap());
        Webhook::new(secret.reveal().expose_secret()).unwrap().verify(body, &headers).is_ok()
    }

    #[test]
    fn the_specifications_own_library_accepts_the_signature() {
        let (old, new, other) = (Secret::generate(), Secret::generate(), Secret::generate());
        let now = Utc::now().timestamp();
        let alone = Secrets { current: old.clone(), previous: None }.signature("msg_1", now, b"{}");
        assert!(accepts(&old, now, &alone, b"{}"));
        assert!(
            !accepts(&old, now, &alone, b"{ }") && !accepts(&old, now + 1, &alone, b"{}") && !accepts(&other, now, &alone, b"{}")
        );

        let both = Secrets { current: new.clone(), previous: Some(old.clone()) }.signature("msg_1", now, b"{}");
        assert!(accepts(&old, now, &both, b"{}") && accepts(&new, now, &both, b"{}") && !accepts(&other, now, &both, b"{}"));
    }

    #[test]
    fn the_example_of_the_specification_is_reproduced() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()).unwrap();
        let signature = Secrets { current: secret, previous: None }.signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_reads_back_and_is_not_shown() {
        let secret = Secret::generate();
        let text = secret.reveal().expose_secret().to_owned();
        assert!(text.starts_with(PREFIX) && !format!("{secret:?}").contains(&text[PREFIX.len()..]));
        assert_eq!(Secret::parse(text.clone()).unwrap().reveal().expose_secret(), text);
        for bad in ["", "whsec", "whsec_?", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert!(Secret::parse(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
