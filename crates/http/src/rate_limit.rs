use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{HeaderName, HeaderValue},
    },
    middleware::Next,
};
use zoetrope_limits::{Class, Decision, Limiter, Subject};

use crate::{Authenticator, Problem, caller::known_user, client_address::client_address};

pub(crate) const X_RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
pub(crate) const X_RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
pub(crate) const X_RATELIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Under which limit a request falls, by its method and its decoded path; `None` for what is never limited.
pub type Classify = fn(&Method, &str) -> Option<Class>;

/// The limits of a service's requests. Cheap to clone.
#[derive(Clone)]
pub struct RateLimits(Option<Arc<Inner>>);

struct Inner {
    limiter: Limiter,
    authenticator: Authenticator,
    classify: Classify,
}

impl RateLimits {
    /// Without a limiter, nothing is limited.
    pub fn new(limiter: Option<Limiter>, authenticator: Authenticator, classify: Classify) -> Self {
        Self(limiter.map(|limiter| Arc::new(Inner { limiter, authenticator, classify })))
    }

    /// The middleware that refuses what is too much, before anything of the request is read, and tells all others how they stand.
    pub(crate) async fn apply(self, request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        let decision = match &self.0 {
            Some(inner) => inner.decide(&request).await,
            None => None,
        };
        let Some(decision) = decision else { return next.call(request).await };
        let mut response = if decision.allowed {
            next.call(request).await?
        } else {
            let problem = Problem::rate_limited(whole_seconds(decision.retry_after()));
            request.into_response(HttpResponse::from_error(problem))
        };
        let headers = response.headers_mut();
        headers.insert(X_RATELIMIT_LIMIT, HeaderValue::from(decision.limit()));
        headers.insert(X_RATELIMIT_REMAINING, HeaderValue::from(decision.remaining()));
        headers.insert(X_RATELIMIT_RESET, HeaderValue::from(reset_at(&decision)));
        Ok(response)
    }
}

impl Inner {
    async fn decide(&self, request: &ServiceRequest) -> Option<Decision> {
        // As the router reads it: an encoded letter must not lead to another limit.
        let class = (self.classify)(request.method(), request.match_info().as_str())?;
        let user = if class.is_by_address() { None } else { known_user(request.request(), &self.authenticator).await };
        let subject = user.map_or_else(|| Subject::address(client_address(request.request())), Subject::User);
        Some(self.limiter.decide(class, subject).await)
    }
}

/// Unix seconds.
fn reset_at(decision: &Decision) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    whole_seconds(now + decision.reset_after())
}

/// Rounded up: who waits that long has waited long enough.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
