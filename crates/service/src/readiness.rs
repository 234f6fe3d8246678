use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use serde::Serialize;

/// A probe that takes longer counts as failed; Kubernetes gives up on the whole after 1 s by default, so set `timeoutSeconds` to
/// 3.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

const STARTING: u8 = 0;
const SERVING: u8 = 1;
const STOPPING: u8 = 2;

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Whether this process should get traffic: it has started, is not stopping, and every registered check passes.
#[derive(Clone, Default)]
pub struct Readiness {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    phase: AtomicU8,
    checks: Mutex<Vec<(&'static str, Check)>>,
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub struct ReadinessReport {
    /// `starting`, `stopping`, `ready` or `unready`.
    pub status: &'static str,
    /// What each check said: `ok`, or what is wrong. Empty unless the process is serving.
    pub checks: BTreeMap<&'static str, String>,
}

impl ReadinessReport {
    /// Whether traffic is welcome.
    pub fn is_ready(&self) -> bool {
        self.status == "ready"
    }
}

impl Readiness {
    /// Adds a check of something without which this service cannot answer. It runs on the main runtime, at most 2 s, at every
    /// probe. Do not register what the service can do without.
    pub fn register<F, Fut>(&self, name: &'static str, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.shared.checks.lock().unwrap_or_else(PoisonError::into_inner).push((name, check));
    }

    /// Runs all checks at once.
    pub async fn report(&self) -> ReadinessReport {
        let status = match self.shared.phase.load(Ordering::Acquire) {
            STARTING => "starting",
            STOPPING => "stopping",
            _ => return self.run_checks().await,
        };
        ReadinessReport { status, checks: BTreeMap::new() }
    }

    async fn run_checks(&self) -> ReadinessReport {
        let checks = self.shared.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let results = join_all(checks.into_iter().map(|(name, check)| async move {
            let result = tokio::time::timeout(CHECK_TIMEOUT, check()).await.unwrap_or_else(|_| Err("timed out".to_owned()));
            (name, result)
        }))
        .await;
        let ready = results.iter().all(|(_, result)| result.is_ok());
        ReadinessReport {
            status: if ready { "ready" } else { "unready" },
            checks: results.into_iter().map(|(name, result)| (name, result.err().unwrap_or_else(|| "ok".to_owned()))).collect(),
        }
    }

    pub(crate) fn start_serving(&self) {
        // Only from "starting": a stop that came first must not be undone.
        let _ = self.shared.phase.compare_exchange(STARTING, SERVING, Ordering::AcqRel, Ordering::Acquire);
    }

    pub(crate) fn stop_serving(&self) {
        self.shared.phase.store(STOPPING, Ordering::Release);
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Readiness").field("phase", &self.shared.phase).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_check_must_pass_in_time() {
        let readiness = Readiness::default();
        readiness.register("good", || async { Ok(()) });
        readiness.start_serving();
        assert!(readiness.report().await.is_ready());

        readiness.register("bad", || async { Err("no route".to_owned()) });
        readiness.register("slow", std::future::pending);
        let report = readiness.report().await;
        assert!(!report.is_ready());
        let checks: Vec<(&str, &str)> = report.checks.iter().map(|(name, result)| (*name, result.as_str())).collect();
        assert_eq!(checks, [("bad", "no route"), ("good", "ok"), ("slow", "timed out")]);
    }

    #[tokio::test]
    async fn a_stopped_process_stays_unready() {
        let readiness = Readiness::default();
        readiness.stop_serving();
        readiness.start_serving();
        assert_eq!(readiness.report().await.status, "stopping");
    }
}
