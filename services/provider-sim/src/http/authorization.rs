//! `Authorization: Bearer <key>`, or the key alone, as some resellers of this API want it.

use std::fmt;

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::AUTHORIZATION,
    middleware::Next,
    web::Data,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};

use super::error::ApiError;

/// The keys that open the API; at least one.
#[derive(Debug, Clone)]
pub(crate) struct ApiKeys(Vec<SecretString>);

impl ApiKeys {
    /// None when there is no key among them.
    pub(crate) fn new<'a>(keys: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let keys = keys.into_iter().map(str::trim).filter(|key| !key.is_empty());
        let keys: Vec<_> = keys.map(SecretString::from).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    fn admit(&self, header: &str) -> bool {
        let presented = header.strip_prefix("Bearer ").unwrap_or(header).trim();
        self.0.iter().any(|key| key.expose_secret() == presented)
    }
}

/// A list, or text with commas in between, which is what an environment variable or a secret file can hold.
impl<'de> Deserialize<'de> for ApiKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = ApiKeys;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("at least one key")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ApiKeys, E> {
                ApiKeys::new(text.split(',')).ok_or_else(|| E::custom("needs at least one key"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ApiKeys, A::Error> {
                let mut keys: Vec<String> = Vec::new();
                while let Some(key) = list.next_element()? {
                    keys.push(key);
                }
                ApiKeys::new(keys.iter().map(String::as_str)).ok_or_else(|| de::Error::custom("needs at least one key"))
            }
        }

        deserializer.deserialize_any(Keys)
    }
}

/// Middleware: refuses a request without a key with 401.
pub(super) async fn require_key(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let admitted = request.app_data::<Data<ApiKeys>>().is_some_and(|keys| {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        header.is_some_and(|header| keys.admit(header))
    });
    if admitted { next.call(request).await } else { Err(ApiError::unauthorized().into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_keys_with_or_without_the_scheme() {
        let keys = ApiKeys::new(["sk-one", " sk-two "]).unwrap();
        for good in ["Bearer sk-one", "Bearer sk-two", "sk-one"] {
            assert!(keys.admit(good), "{good}");
        }
        for bad in ["", "Bearer ", "Bearer sk-three", "Basic sk-one", "sk-one, sk-two"] {
            assert!(!keys.admit(bad), "{bad}");
        }
        assert!(ApiKeys::new([" ", ""]).is_none());
    }
}
