use std::{
    error::Error,
    fmt,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::BytesMut;
use chrono::Utc;
use encoding_rs::Encoding;
use reqwest::{
    Client, ClientBuilder, RequestBuilder, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};
use secrecy::ExposeSecret;
use tokio::task;
use tracing::{Instrument, Level, Span};
use url::Url;
use zoetrope_service::trace;

use super::{
    alerts::Alerts,
    json::Content,
    reason::Reason,
    refusal::{self, Kind, Refusal},
    retry_after,
    settings::{AuthScheme, ProviderSettings},
    verdict::{Answered, subject, verdict},
};
use crate::gate::{Call, Gate, Verdict};

/// Longest answer in bytes that is read, other than a file. Providers repeat the prompt, which may be long, and a list repeats many.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// Longest answer in bytes that is read where it arrives; a longer one would keep other work waiting.
const MAX_QUICK_BYTES: usize = 256 * 1024;
/// Redirects that a download follows.
const MAX_REDIRECTS: usize = 5;

/// The calls to one provider: addresses, credentials, time limits, trace context and metrics.
pub(super) struct Http {
    name: String,
    gate: Gate,
    alerts: Alerts,
    base: Url,
    /// `{base}/v1/videos`.
    videos: Url,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    submissions: Client,
    questions: Client,
    downloads: Client,
}

/// A whole answer, of whatever status.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The time that the provider asks us to wait.
    pub(super) retry_after: Option<Duration>,
    pub(super) content: Content,
    /// What it refuses or complains of; of everything but a proper answer there is something.
    pub(super) refusal: Option<Refusal>,
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The request did not leave: no name, no connection, no TLS.
    #[error("the provider could not be reached")]
    NotSent(#[source] reqwest::Error),
    /// The request, or a part of it, left.
    #[error("the provider's answer did not arrive")]
    Cut(#[source] reqwest::Error),
    #[error("the provider's answer is longer than {MAX_ANSWER_BYTES} bytes")]
    TooLong,
}

/// What a call is for, as metrics and traces name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    Submit,
    Retrieve,
    List,
    Content,
    Thumbnail,
    Delete,
}

impl Answer {
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Operation {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Retrieve => "retrieve",
            Self::List => "list",
            Self::Content => "content",
            Self::Thumbnail => "thumbnail",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Http {
    pub(super) fn new(name: &str, settings: &ProviderSettings, gate: Gate) -> anyhow::Result<Self> {
        let basic = || {
            Client::builder()
                .user_agent(concat!("zoetrope/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(settings.connect_timeout)
                .redirect(redirect::Policy::none())
        };
        let build = |builder: ClientBuilder| builder.build().context("no HTTP client");
        Ok(Self {
            name: name.to_owned(),
            gate,
            alerts: Alerts::new(name),
            videos: below(&settings.base_url, &["v1", "videos"]),
            base: settings.base_url.clone(),
            authorization: authorization(settings)?,
            timeout: settings.call_timeout,
            // Every submission has a connection of its own: on a kept one, the provider's closing it can cross with the request, and
            // then nobody knows whether it arrived.
            submissions: build(basic().pool_max_idle_per_host(0))?,
            questions: build(basic())?,
            downloads: build(basic().redirect(redirect::Policy::limited(MAX_REDIRECTS)).read_timeout(settings.idle_timeout))?,
        })
    }

    pub(super) const fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) const fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// `{base}/v1/videos`, and what comes after it.
    pub(super) fn endpoint(&self, parts: &[&str]) -> Url {
        below(&self.videos, parts)
    }

    /// Makes a call and reads its whole answer.
    pub(super) async fn ask(
        &self,
        operation: Operation,
        request: impl FnOnce(&Client) -> RequestBuilder,
    ) -> Result<Answer, CallError> {
        let client = if operation == Operation::Submit { &self.submissions } else { &self.questions };
        let (client, request) = self.authorized(request(client)).timeout(self.timeout).build_split();
        let request = request?;
        // All submissions have the same address, and none is repeated after a failure: each is a job of its own.
        let about = (operation != Operation::Submit).then(|| subject(request.url()));
        let request = RequestBuilder::from_parts(client, request);
        let call = self.gate.begin();
        let result = self
            .measured(operation, async {
                let response = self.traced(request).send().await.map_err(CallError::from)?;
                read(response).await
            })
            .await;
        call.end(verdict(&result, about));
        if let Ok(answer) = &result {
            match &answer.refusal {
                Some(refusal) if refusal.kind.concerns_operator() => {
                    self.alerts.account_refused(operation, answer.status, refusal)
                }
                Some(_) => {}
                None => self.alerts.account_accepted(operation),
            }
        }
        result
    }

    /// Begins a download. The answer may be of any status; its body is still to come.
    pub(super) async fn download(&self, operation: Operation, url: Url, headers: HeaderMap) -> Result<FileAnswer, CallError> {
        let request = self.downloads.get(url.clone()).headers(headers);
        // The address of a result may be anybody's; the key is for the provider alone, and so is the gate.
        let ours = url.origin() == self.base.origin();
        let request = if ours { self.authorized(request) } else { request };
        let call = ours.then(|| self.gate.begin());
        let result = self
            .measured(operation, async {
                let response = self.traced(request).send().await.map_err(CallError::from)?;
                Ok(FileAnswer { status: response.status().as_u16(), retry_after: asked_to_wait(&response), response })
            })
            .await;
        if let Some(call) = call {
            self.end_download(call, &url, &result);
            match &result {
                // 403 may be the address's own: it expires.
                Ok(FileAnswer { status: status @ (401 | 402 | 407), .. }) => {
                    let reason = Reason::default();
                    let kind = refusal::sort(Some(*status), &reason);
                    self.alerts.account_refused(operation, *status, &Refusal { kind, reason, is_plain: true });
                }
                Ok(answer) if answer.status < 300 => self.alerts.account_accepted(operation),
                _ => {}
            }
        }
        result
    }

    fn end_download(&self, call: Call<'_>, url: &Url, result: &Result<FileAnswer, CallError>) {
        let elsewhere = |download: &FileAnswer| download.response.url().origin() != self.base.origin();
        match result {
            // The provider sent us on; how somebody else answered says nothing of it.
            Ok(download) if elsewhere(download) => call.end(Verdict::Answered),
            result => call.end(verdict(result, Some(subject(url)))),
        }
    }

    /// Counts an answer that made no sense.
    pub(super) fn count_unreadable(&self, operation: Operation) {
        metrics::counter!(
            "zoetrope_provider_unreadable_answers_total",
            "provider" => self.name.clone(), "operation" => operation.as_str(),
        )
        .increment(1);
    }

    /// Counts a download that goes on after a cut.
    pub(super) fn count_resumed(&self, operation: Operation) {
        metrics::counter!(
            "zoetrope_provider_resumed_downloads_total",
            "provider" => self.name.clone(), "operation" => operation.as_str(),
        )
        .increment(1);
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        }
    }

    /// Continues the trace. To be called in the span of the call.
    fn traced(&self, request: RequestBuilder) -> RequestBuilder {
        match trace::current_traceparent() {
            Some(traceparent) => request.header("traceparent", traceparent),
            None => request,
        }
    }

    async fn measured<T: Answered>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let span = span_of(&self.name, operation);
        let started = Instant::now();
        let result = call.instrument(span.clone()).await;
        let outcome = match &result {
            Ok(answer) => {
                span.record("status", answer.status());
                ["1xx", "2xx", "3xx", "4xx", "5xx"].get(usize::from(answer.status() / 100).saturating_sub(1)).unwrap_or(&"other")
            }
            Err(CallError::NotSent(_)) => "not_sent",
            Err(CallError::Cut(error)) if error.is_timeout() => "timeout",
            Err(CallError::Cut(_) | CallError::TooLong) => "cut",
        };
        metrics::histogram!(
            "zoetrope_provider_request_seconds",
            "provider" => self.name.clone(), "operation" => operation.as_str(), "outcome" => outcome,
        )
        .record(started.elapsed().as_secs_f64());
        result
    }
}

/// The beginning of an answer that brings a file, or a part of one.
pub(super) struct FileAnswer {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) response: Response,
}

impl Answered for Answer {
    fn status(&self) -> u16 {
        self.status
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn complaint(&self) -> Option<Kind> {
        self.refusal.as_ref().map(|refusal| refusal.kind)
    }
}

impl Answered for FileAnswer {
    fn status(&self) -> u16 {
        self.status
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn complaint(&self) -> Option<Kind> {
        None
    }
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        // Addresses of results are secrets: whoever has one can read the file.
        let error = error.without_url();
        if error.is_connect() || error.is_builder() { Self::NotSent(error) } else { Self::Cut(error) }
    }
}

impl CallError {
    /// The request certainly did not reach the provider.
    pub(super) const fn is_not_sent(&self) -> bool {
        matches!(self, Self::NotSent(_))
    }

    pub(super) fn as_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

fn span_of(provider: &str, operation: Operation) -> Span {
    macro_rules! span {
        ($level:expr) => {
            tracing::span!(
                $level, "provider.request", otel.kind = "client", provider, %operation, status = tracing::field::Empty,
            )
        };
    }
    match operation {
        // A poll is nothing but this one request, thousands of times a second: its job's span says the same.
        Operation::Retrieve => span!(Level::DEBUG),
        Operation::Submit | Operation::List | Operation::Content | Operation::Thumbnail | Operation::Delete => span!(Level::INFO),
    }
}

fn below(base: &Url, parts: &[&str]) -> Url {
    let mut url = base.clone();
    // Only an address without a host has no path segments, and settings accept none of those.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    url
}

async fn read(mut response: Response) -> Result<Answer, CallError> {
    let (status, retry_after) = (response.status().as_u16(), asked_to_wait(&response));
    let charset = charset(&response);
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    let quick = body.len() <= MAX_QUICK_BYTES;
    let understand = move || {
        let content = Content::read(&body, charset);
        Answer { status, retry_after, refusal: Refusal::of(status, &content), content }
    };
    if quick {
        return Ok(understand());
    }
    task::spawn_blocking(understand).await.map_err(|_| CallError::TooLong)
}

/// The charset that the answer says it is in.
fn charset(response: &Response) -> Option<&'static Encoding> {
    let content_type = response.headers().get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    let (_, label) = content_type.split_once("charset=")?;
    Encoding::for_label(label.split(';').next()?.trim().trim_matches('"').as_bytes())
}

fn asked_to_wait(response: &Response) -> Option<Duration> {
    retry_after::parse(response.headers().get(RETRY_AFTER)?.to_str().ok()?, Utc::now())
}

fn authorization(settings: &ProviderSettings) -> anyhow::Result<Option<HeaderValue>> {
    let Some(key) = &settings.api_key else { return Ok(None) };
    let key = key.expose_secret().trim();
    let text = match settings.auth_scheme {
        AuthScheme::Bearer => format!("Bearer {key}"),
        AuthScheme::Raw => key.to_owned(),
    };
    let mut value = HeaderValue::from_str(&text).ok().context("api_key is not fit for a header")?;
    value.set_sensitive(true);
    Ok(Some(value))
}
