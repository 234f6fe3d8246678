use std::{
    error::Error,
    time::{Duration, Instant},
};

use chrono::Utc;
use reqwest::{Method, Response, StatusCode, header::CONTENT_TYPE};
use zoetrope_egress::{Client, Refused, WebAddress, retry_after};
use zoetrope_storage::MediaLinks;

use super::{Attempt, DeliveryId, Message, Outcome, Secrets};

/// How much of an answer is kept, in bytes. No more than one chunk beyond it is read.
const EXCERPT_BYTES: usize = 1024;
/// Longest reason that is kept, in characters.
const LONGEST_REASON: usize = 200;

/// Makes single attempts.
pub struct Sender {
    pub client: Client,
    pub links: MediaLinks,
    /// For one attempt, from the name's look-up to the end of the answer.
    pub timeout: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the message cannot be read")]
    Unreadable,
    #[error("the address is not valid")]
    Address,
    #[error("the address {0}")]
    Refused(Refused),
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    #[error("no connection: {0}")]
    Unreachable(String),
    #[error("the connection broke: {0}")]
    Broken(String),
}

impl SendError {
    const fn outcome(&self) -> Outcome {
        match self {
            Self::Unreadable => Outcome::Unreadable,
            Self::Address | Self::Refused(_) => Outcome::Forbidden,
            Self::TimedOut(_) => Outcome::TimedOut,
            Self::Unreachable(_) | Self::Broken(_) => Outcome::Unreachable,
        }
    }
}

impl Sender {
    /// Sends a message once.
    pub async fn send(&self, id: DeliveryId, message: &Message, url: &str, secrets: &Secrets) -> (Attempt, Outcome) {
        let (started_at, started) = (Utc::now(), Instant::now());
        let answer = self.request(id, message, url, secrets).await;
        let duration = started.elapsed();
        match answer {
            Ok(answer) => {
                let outcome = answer.outcome();
                // Most receivers that move do not know that nobody follows.
                let error = answer.status.is_redirection().then(|| "redirects are not followed".to_owned());
                let status = Some(answer.status.as_u16());
                (Attempt { started_at, duration, status, response: Some(answer.excerpt), error }, outcome)
            }
            Err(error) => {
                let reason = Some(error.to_string());
                (Attempt { started_at, duration, status: None, response: None, error: reason }, error.outcome())
            }
        }
    }

    async fn request(&self, id: DeliveryId, message: &Message, url: &str, secrets: &Secrets) -> Result<Answer, SendError> {
        let now = Utc::now();
        let body = message.body(&self.links, now).map_err(|error| {
            tracing::error!(%error, "a webhook message cannot be made");
            SendError::Unreadable
        })?;
        let address: WebAddress = url.parse().map_err(|_| SendError::Address)?;
        let webhook_id = id.to_webhook_id();
        let request = self
            .client
            .request(Method::POST, &address)
            .map_err(SendError::Refused)?
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-signature", secrets.signature(&webhook_id, now.timestamp(), &body))
            .header("webhook-timestamp", now.timestamp())
            .header("webhook-id", webhook_id)
            .timeout(self.timeout)
            .body(body);
        let response = request.send().await.map_err(|error| self.explain(&error))?;
        Ok(Answer::read(response).await)
    }

    fn explain(&self, error: &reqwest::Error) -> SendError {
        if let Some(refused) = Client::refusal(error) {
            return SendError::Refused(refused);
        }
        if error.is_timeout() && !error.is_connect() {
            return SendError::TimedOut(self.timeout);
        }
        let reason = innermost(error).to_string().chars().take(LONGEST_REASON).collect();
        if error.is_connect() { SendError::Unreachable(reason) } else { SendError::Broken(reason) }
    }
}

/// The others repeat the address.
fn innermost(error: &reqwest::Error) -> &(dyn Error + 'static) {
    let mut error: &(dyn Error + 'static) = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    excerpt: String,
}

impl Answer {
    /// The status decides; how the rest of the answer comes is of no importance.
    async fn read(mut response: Response) -> Self {
        let (status, retry_after) = (response.status(), retry_after(response.headers(), Utc::now()));
        let mut bytes = Vec::new();
        while bytes.len() < EXCERPT_BYTES
            && let Ok(Some(chunk)) = response.chunk().await
        {
            bytes.extend_from_slice(&chunk[..chunk.len().min(EXCERPT_BYTES - bytes.len())]);
        }
        Self { status, retry_after, excerpt: excerpt(&bytes) }
    }

    fn outcome(&self) -> Outcome {
        match self.status {
            status if status.is_success() => Outcome::Delivered,
            StatusCode::GONE => Outcome::Gone,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Outcome::Rejected { retry_after: self.retry_after }
            }
            _ => Outcome::Rejected { retry_after: None },
        }
    }
}

/// As text that PostgreSQL takes, of [`EXCERPT_BYTES`] at the most.
fn excerpt(bytes: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(bytes).replace('\0', "\u{FFFD}");
    text.truncate(text.floor_char_boundary(EXCERPT_BYTES));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_text_of_bounded_length() {
        assert_eq!(excerpt(b"fine\0"), "fine\u{FFFD}");
        assert_eq!(excerpt("ü".repeat(EXCERPT_BYTES).as_bytes()).len(), EXCERPT_BYTES);
        assert!(excerpt(&[0xff; EXCERPT_BYTES]).len() <= EXCERPT_BYTES);
    }

    #[test]
    fn the_status_decides() {
        let wait = Some(Duration::from_secs(7));
        let outcome = |status| {
            Answer { status: StatusCode::from_u16(status).unwrap(), retry_after: wait, excerpt: String::new() }.outcome()
        };
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(outcome(status), Outcome::Delivered, "{status}");
        }
        for status in [301, 302, 307, 400, 401, 404, 500, 502] {
            assert_eq!(outcome(status), Outcome::Rejected { retry_after: None }, "{status}");
        }
        for status in [429, 503] {
            assert_eq!(outcome(status), Outcome::Rejected { retry_after: wait }, "{status}");
        }
        assert_eq!(outcome(410), Outcome::Gone);
    }
}
