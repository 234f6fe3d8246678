use std::time::Duration;

use super::{
    breaker::Turn,
    state::{News, Reason},
};

/// Shorter pauses are not worth a line of log.
const WORTH_LOGGING: Duration = Duration::from_secs(1);

/// What operators see of a gate.
pub(super) struct Notices {
    provider: String,
}

impl Notices {
    pub(super) fn new(provider: &str) -> Self {
        Self { provider: provider.to_owned() }
    }

    /// Shows whether requests may pass, and the level of the breaker.
    pub(super) fn show(&self, open: bool, level: u8) {
        metrics::gauge!("zoetrope_provider_gate_open", "provider" => self.provider.clone()).set(f64::from(u8::from(open)));
        metrics::gauge!("zoetrope_provider_breaker_state", "provider" => self.provider.clone()).set(f64::from(level));
    }

    pub(super) fn count_wait(&self, reason: Reason) {
        metrics::counter!(
            "zoetrope_provider_gate_waits_total", "provider" => self.provider.clone(), "reason" => reason.as_str(),
        )
        .increment(1);
    }

    pub(super) fn log(&self, news: &News) {
        let provider = self.provider.as_str();
        if let Some(paused) = news.paused.filter(|paused| paused.begins) {
            metrics::counter!("zoetrope_provider_pauses_total", "provider" => self.provider.clone()).increment(1);
            if paused.wait > WORTH_LOGGING {
                tracing::info!(provider, seconds = paused.wait.as_secs_f64(), "the provider wants no requests for a while");
            }
        }
        match news.turn {
            Some(Turn::Opened { first: true, wait, .. }) => {
                tracing::warn!(provider, seconds = wait.as_secs_f64(), "the provider fails; requests to it are held back");
            }
            Some(Turn::Opened { .. }) => tracing::debug!(provider, "the provider still fails"),
            Some(Turn::Closed) => tracing::info!(provider, "the provider is well again; requests flow"),
            None => {}
        }
    }
}
