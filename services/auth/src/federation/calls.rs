use std::{sync::Arc, time::Duration};

use anyhow::Context;
use chrono::Utc;
use openidconnect::{HttpRequest, HttpResponse, http};
use reqwest::{Client, Request, Url, redirect};
use tokio::{sync::Semaphore, time::Instant};
use zoetrope_egress::retry_after;

use crate::metrics;

/// More at a time than sign-ins need, and few enough that a service that does not answer holds nothing up.
const MOST_AT_A_TIME: usize = 64;
/// Longer than any answer that we ask for.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// Seconds, unless the service says how long.
const RETRY_AFTER: u64 = 5;
/// Seconds. Who is told to come back next week would not.
const LONGEST_RETRY_AFTER: u64 = 300;

/// Calls to one service of somebody else's: with a time limit, few at a time, no redirects, answers of bearable length. Cheap to clone.
#[derive(Clone)]
pub struct Calls {
    service: &'static str,
    http: Client,
    permits: Arc<Semaphore>,
}

/// There is no answer that could be read. The address that was called is left out: it may hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("too many calls at a time")]
    Busy,
    #[error("no answer arrived")]
    NoAnswer(#[source] reqwest::Error),
    #[error("the answer is too long")]
    TooLong,
    #[error("the answer has the status {status}")]
    Status {
        status: u16,
        /// Seconds.
        retry_after: Option<u64>,
    },
    #[error("the answer is not what was asked for")]
    NotUnderstood,
    /// Whatever is there, it is not the service that the settings name; asking again will not change that.
    #[error("there is another service at this address")]
    OtherService,
    /// It was away a moment ago.
    #[error("it is too early to ask again")]
    TooEarly,
}

impl CallError {
    /// Seconds until it makes sense to try again.
    pub fn retry_after(&self) -> u64 {
        match self {
            Self::Status { retry_after: Some(seconds), .. } => (*seconds).clamp(1, LONGEST_RETRY_AFTER),
            Self::Busy => 1,
            Self::NoAnswer(_)
            | Self::TooLong
            | Self::Status { .. }
            | Self::NotUnderstood
            | Self::OtherService
            | Self::TooEarly => RETRY_AFTER,
        }
    }
}

impl Calls {
    pub fn new(service: &'static str, timeout: Duration) -> anyhow::Result<Self> {
        let http = Client::builder()
            .user_agent(concat!("zoetrope/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(timeout)
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .build()
            .context("no HTTP client")?;
        Ok(Self { service, http, permits: Arc::new(Semaphore::new(MOST_AT_A_TIME)) })
    }

    /// Asks for what is at an address. Refusals are answers, too.
    pub async fn get(&self, address: Url) -> Result<HttpResponse, CallError> {
        self.send(Request::new(reqwest::Method::GET, address)).await
    }

    /// Sends a form. Refusals are answers, too.
    pub async fn post_form(&self, address: Url, form: &[(&str, &str)]) -> Result<HttpResponse, CallError> {
        let request = self.http.post(address).header(http::header::ACCEPT, "application/json").form(form).build();
        self.send(request.map_err(|error| CallError::NoAnswer(error.without_url()))?).await
    }

    /// The same for the OpenID Connect library.
    pub async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        self.send(Request::try_from(request).map_err(|error| CallError::NoAnswer(error.without_url()))?).await
    }

    /// Refusals are answers, too; what only says that the service cannot answer is none.
    async fn send(&self, request: Request) -> Result<HttpResponse, CallError> {
        let _permit = self.permits.try_acquire().map_err(|_| CallError::Busy)?;
        let begun = Instant::now();
        let answer = self.read(request).await;
        metrics::federation_called(self.service, answer.is_ok(), begun.elapsed());
        answer
    }

    async fn read(&self, request: Request) -> Result<HttpResponse, CallError> {
        let no_answer = |error: reqwest::Error| CallError::NoAnswer(error.without_url());
        let mut response = self.http.execute(request).await.map_err(no_answer)?;
        let status = response.status();
        if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
            let retry_after = retry_after(response.headers(), Utc::now()).map(|wait| wait.as_secs());
            return Err(CallError::Status { status: status.as_u16(), retry_after });
        }
        let mut answer = HttpResponse::new(Vec::new());
        *answer.status_mut() = status;
        *answer.headers_mut() = response.headers().clone();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if answer.body().len() + chunk.len() > LONGEST_ANSWER {
                return Err(CallError::TooLong);
            }
            answer.body_mut().extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_when_to_come_back() {
        let status = |retry_after| CallError::Status { status: 503, retry_after }.retry_after();
        assert_eq!((status(Some(7)), status(Some(0)), status(Some(86_400))), (7, 1, LONGEST_RETRY_AFTER));
        assert_eq!((status(None), CallError::TooLong.retry_after(), CallError::Busy.retry_after()), (5, 5, 1));
    }
}
