use std::{sync::Arc, time::Duration};

use openidconnect::{DiscoveryError, HttpRequest, IssuerUrl, core::CoreProviderMetadata};
use tokio::{sync::Mutex, time::Instant};

use super::calls::{CallError, Calls};
use crate::rules::key_freshness::{Freshness, Step};

/// What an OpenID provider publishes: its addresses and its keys, kept for a while.
pub struct KeyCache {
    issuer: IssuerUrl,
    freshness: Freshness,
    kept: Mutex<Kept>,
}

/// Cheap to clone.
pub type Published = Arc<CoreProviderMetadata>;

#[derive(Default)]
struct Kept {
    published: Option<(Published, Instant)>,
    /// When it was last asked for, with whatever success.
    asked_at: Option<Instant>,
}

impl KeyCache {
    pub fn new(issuer: IssuerUrl, freshness: Freshness) -> Self {
        Self { issuer, freshness, kept: Mutex::default() }
    }

    /// What is kept, if it is fresh enough; else what is published now.
    pub async fn published(&self, calls: &Calls) -> Result<Published, CallError> {
        self.look(calls, None).await
    }

    /// There was a key that is not among these: what is published now, unless somebody asked a moment ago.
    pub async fn newer_than(&self, seen: &Published, calls: &Calls) -> Result<Published, CallError> {
        self.look(calls, Some(seen)).await
    }

    /// Those who come while it is asked for wait for the same answer.
    async fn look(&self, calls: &Calls, insufficient: Option<&Published>) -> Result<Published, CallError> {
        let mut kept = self.kept.lock().await;
        let age = kept.published.as_ref().map(|(_, since)| since.elapsed());
        let is_insufficient = match (insufficient, &kept.published) {
            (Some(seen), Some((published, _))) => Arc::ptr_eq(seen, published),
            _ => false,
        };
        match self.freshness.step(age, kept.asked_at.map(|at| at.elapsed()), is_insufficient) {
            Step::Use => {}
            Step::GiveUp => return Err(CallError::TooEarly),
            Step::Ask => {
                let asked = self.ask(calls).await;
                kept.asked_at = Some(Instant::now());
                match asked {
                    Ok(published) => kept.published = Some((Arc::new(published), Instant::now())),
                    Err(error) if is_insufficient || !self.freshness.is_usable(age) => return Err(error),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(
                            error,
                            issuer = self.issuer.as_str(),
                            "the keys cannot be renewed: goes on with those it has"
                        );
                    }
                }
            }
        }
        kept.published.as_ref().map(|(published, _)| published.clone()).ok_or(CallError::TooEarly)
    }

    async fn ask(&self, calls: &Calls) -> Result<CoreProviderMetadata, CallError> {
        let http = |request: HttpRequest| async move { calls.exchange(request).await };
        CoreProviderMetadata::discover_async(self.issuer.clone(), &http).await.map_err(|error| match error {
            DiscoveryError::Request(error) => error,
            // Such as 404, or a redirection.
            DiscoveryError::Response(..) | DiscoveryError::Validation(_) => CallError::OtherService,
            _ => CallError::NotUnderstood,
        })
    }
}

/// As settings have it.
impl Freshness {
    pub const fn new(max_age: Duration, pause: Duration) -> Self {
        Self { max_age, pause }
    }
}
