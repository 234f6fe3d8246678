use std::{collections::HashMap, num::NonZeroUsize, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de};
use url::Url;

use crate::{
    gate::{BreakerRules, Limits},
    settings::positive_seconds,
};

/// One provider account (`[providers.<name>]`). `<name>` is what a model in task-api's catalogue calls its provider.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProviderSettings {
    /// The wire format. There is one so far.
    #[serde(default, rename = "kind")]
    _kind: Kind,
    /// Where the API begins; `/v1/videos` is added to it.
    #[serde(deserialize_with = "http_url")]
    pub(super) base_url: Url,
    /// Absent for a provider that asks for none.
    pub(super) api_key: Option<SecretString>,
    #[serde(default)]
    pub(super) auth_scheme: AuthScheme,
    /// Public model names and what the provider calls them. A name that is not here is passed on as it is.
    #[serde(default)]
    pub(super) models: HashMap<String, String>,
    #[serde(default)]
    pub(super) lookup: Lookup,
    #[serde(default)]
    pub(super) result: ResultFrom,
    #[serde(default)]
    pub(super) cancel: CancelBy,
    /// Submissions under way at the same time, in all processes together.
    #[serde(default = "default_submissions")]
    pub(crate) max_concurrent_submissions: NonZeroUsize,
    /// Jobs that the provider has and has not finished, in all processes together. Absent: any number.
    #[serde(default)]
    pub(crate) max_concurrent_jobs: Option<NonZeroUsize>,
    /// Requests of all replicas together, 0.001 to 1,000,000; one second's worth may come at once. Absent: any number.
    #[serde(default, deserialize_with = "rate")]
    requests_per_second: Option<f64>,
    /// Calls within ten seconds, in one process, below which nothing is concluded from failures.
    #[serde(default = "default_breaker_min_calls")]
    breaker_min_calls: NonZeroUsize,
    /// The part of those calls, above 0 up to 1, whose failure stops all requests for a while.
    #[serde(default = "default_breaker_failure_ratio", deserialize_with = "positive_fraction")]
    breaker_failure_ratio: f64,
    /// How long requests stop at first; doubles up to 60 s while the provider does not recover.
    #[serde(default = "default_breaker_open", rename = "breaker_open_seconds", deserialize_with = "positive_seconds")]
    breaker_open: Duration,
    /// Longest time for a whole call, but not for the download of a result.
    #[serde(default = "default_call_timeout", rename = "call_timeout_seconds", deserialize_with = "positive_seconds")]
    pub(super) call_timeout: Duration,
    #[serde(default = "default_connect_timeout", rename = "connect_timeout_seconds", deserialize_with = "positive_seconds")]
    pub(super) connect_timeout: Duration,
    /// Longest silence in the download of a result.
    #[serde(default = "default_idle_timeout", rename = "idle_timeout_seconds", deserialize_with = "positive_seconds")]
    pub(super) idle_timeout: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
enum Kind {
    #[default]
    #[serde(rename = "openai-videos")]
    OpenAiVideos,
}

/// How the key is sent in the `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AuthScheme {
    /// `Bearer <key>`
    #[default]
    Bearer,
    /// `<key>` alone.
    Raw,
}

/// How an unconfirmed submission is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lookup {
    /// Not at all: it fails when the window has passed.
    #[default]
    None,
    /// In the provider's list. Only for a provider whose list shows the `Idempotency-Key` of the submission as
    /// `metadata.idempotency_key` of the video.
    List,
}

/// Where the finished video is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ResultFrom {
    /// At `/v1/videos/{id}/content`, or, where that is 404, at the address that the video names.
    #[default]
    Content,
    /// At the address that the video names (`video_url` or `url`), or, when it names none, at `content`.
    Url,
}

/// How a running job is called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CancelBy {
    /// `DELETE /v1/videos/{id}`
    #[default]
    Delete,
    /// The provider cannot be told.
    None,
}

impl ProviderSettings {
    /// What the gate of the account goes by.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            requests_per_second: self.requests_per_second,
            breaker: BreakerRules {
                min_calls: self.breaker_min_calls.get(),
                failure_ratio: self.breaker_failure_ratio,
                open_for: self.breaker_open,
            },
        }
    }
}

const fn default_breaker_min_calls() -> NonZeroUsize {
    const { NonZeroUsize::new(10).unwrap() }
}

const fn default_breaker_failure_ratio() -> f64 {
    0.5
}

const fn default_breaker_open() -> Duration {
    Duration::from_secs(5)
}

const fn default_submissions() -> NonZeroUsize {
    const { NonZeroUsize::new(8).unwrap() }
}

const fn default_call_timeout() -> Duration {
    Duration::from_secs(300)
}

const fn default_connect_timeout() -> Duration {
    Duration::from_secs(10)
}

const fn default_idle_timeout() -> Duration {
    Duration::from_secs(60)
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let rate = Option::<f64>::deserialize(deserializer)?;
    if rate.is_none_or(|rate| (0.001..=1e6).contains(&rate)) {
        Ok(rate)
    } else {
        Err(de::Error::custom("not a number from 0.001 to 1000000"))
    }
}

fn positive_fraction<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let fraction = f64::deserialize(deserializer)?;
    if fraction > 0.0 && fraction <= 1.0 { Ok(fraction) } else { Err(de::Error::custom("not a number above 0 up to 1")) }
}

fn http_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = Url::parse(&text).map_err(|_| de::Error::custom("not an absolute URL"))?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(de::Error::custom("not an http or https URL")) }
}
