//! The Prometheus recorder, and metrics of the process itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// For every histogram whose name ends in `_seconds`: from a fast query to a slow provider call.
const SECONDS_BUCKETS: [f64; 16] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Where the metrics of this process are read.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder that the `metrics` macros write to.
    pub(crate) fn install(service: &'static str) -> anyhow::Result<Self> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)?
            .install_recorder()
            .context("cannot install the metrics recorder")?;
        gauge!("zoetrope_build_info", "service" => service, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        gauge!("process_start_time_seconds").set(started.as_secs_f64());
        Ok(Self(handle))
    }

    /// Everything, in the Prometheus text format.
    pub(crate) fn render(&self) -> String {
        if let Some(bytes) = resident_memory_bytes() {
            gauge!("process_resident_memory_bytes").set(bytes);
        }
        if let Some(count) = open_files() {
            gauge!("process_open_fds").set(count);
        }
        self.0.render()
    }

    /// Drains histograms now and then, so that they do not grow while nobody scrapes. Never ends.
    pub(crate) async fn upkeep(self) {
        let mut ticks = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            ticks.tick().await;
            self.0.run_upkeep();
        }
    }
}

fn resident_memory_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes: u32 = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()?;
    Some(f64::from(kibibytes) * 1024.0)
}

fn open_files() -> Option<f64> {
    let count = std::fs::read_dir("/proc/self/fd").ok()?.count();
    Some(f64::from(u32::try_from(count).ok()?))
}
