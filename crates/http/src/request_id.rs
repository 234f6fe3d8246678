use std::{fmt, future::Future, sync::Arc};

use actix_web::http::header::{HeaderName, HeaderValue};
use uuid::Uuid;

/// The header in which the id comes from the gateway and goes back to the client.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 64;

tokio::task_local! {
    static CURRENT: RequestId;
}

/// Names one request in the response, in the log and in an error report. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id of the request that is being handled; `None` outside of one.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// A fresh id: a UUID that sorts by time.
    pub(crate) fn generate() -> Self {
        Self(Uuid::now_v7().to_string().into())
    }

    /// An id from outside, which ends up in logs: only a short one of harmless characters is taken.
    pub(crate) fn from_header(text: &str) -> Option<Self> {
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let good = !text.is_empty() && text.len() <= MAX_LENGTH && text.bytes().all(harmless);
        good.then(|| Self(text.into()))
    }

    /// Runs `work` as the handling of this request.
    pub(crate) async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    pub(crate) fn to_header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.0).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_from_outside_must_be_harmless() {
        for good in ["0190a1b2-c3d4", "gateway_7.1", &"x".repeat(64)] {
            assert_eq!(RequestId::from_header(good).unwrap().to_string(), good);
        }
        for bad in ["", "a b", "a\nb", "{}", "ä", &"x".repeat(65)] {
            assert_eq!(RequestId::from_header(bad), None, "{bad:?}");
        }
    }
}
