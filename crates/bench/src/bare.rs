//! The simplest program that polls: nothing but requests and their JSON, from one process of its own, so that its CPU time is told apart.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    process::Command,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{processes::Watched, samples::Samples, simulator::KEY};

/// Before what is counted, until the connections are open.
const WARM_UP: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Args)]
pub struct Options {
    #[arg(long)]
    pub url: String,
    /// A file with the id of a video on each line
    #[arg(long)]
    pub ids: PathBuf,
    #[arg(long)]
    pub in_flight: usize,
    #[arg(long)]
    pub seconds: f64,
    /// Polls per second; 0 for as many as possible
    #[arg(long)]
    pub rate: f64,
}

/// What the loop has done in its time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    pub polls: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_memory: f64,
    /// From the moment a poll was due to its start, in seconds; of a loop with a rate.
    pub lateness_p50: Option<f64>,
    pub lateness_p99: Option<f64>,
}

/// Runs the loop in a process of its own.
pub async fn run_apart(options: &Options) -> Result<Outcome> {
    let output = Command::new(std::env::current_exe()?)
        .arg("bare")
        .args(["--url", &options.url, "--ids"])
        .arg(&options.ids)
        .args(["--in-flight", &options.in_flight.to_string(), "--seconds", &options.seconds.to_string()])
        .args(["--rate", &options.rate.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(output.status.success(), "the bare loop ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("what the bare loop told")
}

/// The process itself: tells its outcome as one line of JSON.
pub async fn run(options: Options) -> Result<()> {
    let text = fs::read_to_string(&options.ids).with_context(|| options.ids.display().to_string())?;
    let urls: Vec<String> = text.lines().map(|id| format!("{}/v1/videos/{id}", options.url)).collect();
    ensure!(!urls.is_empty(), "{} names no video", options.ids.display());
    let polling = Arc::new(Polling { http: Client::new(), urls, next: AtomicU64::new(0), rate: options.rate });
    polling.run(options.in_flight, WARM_UP).await?;

    let process = Watched::one(std::process::id());
    let (before, started) = (process.usage()?, Instant::now());
    let lateness = polling.run(options.in_flight, Duration::from_secs_f64(options.seconds)).await?;
    let (seconds, usage) = (started.elapsed().as_secs_f64(), process.usage()?);
    let paced = |part| (options.rate > 0.0).then(|| lateness.quantile(part)).flatten();
    let outcome = Outcome {
        polls: lateness.len() as u64,
        seconds,
        cpu_seconds: usage.cpu_since(&before),
        peak_memory: usage.peak_memory,
        lateness_p50: paced(0.5),
        lateness_p99: paced(0.99),
    };
    writeln!(io::stdout(), "{}", serde_json::to_string(&outcome)?)?;
    Ok(())
}

struct Polling {
    http: Client,
    urls: Vec<String>,
    /// Number of the next poll.
    next: AtomicU64,
    rate: f64,
}

impl Polling {
    /// Polls for this long, with as many polls at the same time. Returns how late each began.
    async fn run(self: &Arc<Self>, in_flight: usize, time: Duration) -> Result<Samples> {
        let started = Instant::now();
        let first = self.next.load(Ordering::Relaxed);
        let mut workers = JoinSet::new();
        for _ in 0..in_flight {
            let polling = Arc::clone(self);
            workers.spawn(async move { polling.work(first, started, started + time).await });
        }
        let mut lateness = Vec::new();
        while let Some(worked) = workers.join_next().await {
            lateness.extend(worked??);
        }
        Ok(Samples::new(lateness))
    }

    async fn work(&self, first: u64, started: Instant, end: Instant) -> Result<Vec<f64>> {
        let mut lateness = Vec::new();
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let due = if self.rate > 0.0 {
                let due = started + Duration::from_secs_f64((number - first) as f64 / self.rate);
                if due < end {
                    sleep_until(due).await;
                }
                due
            } else {
                Instant::now()
            };
            if due >= end || Instant::now() >= end {
                return Ok(lateness);
            }
            lateness.push(due.elapsed().as_secs_f64());
            self.poll(number).await?;
        }
    }

    async fn poll(&self, number: u64) -> Result<()> {
        let url = self.urls.get(number as usize % self.urls.len()).context("no such video")?;
        let answer = self.http.get(url).bearer_auth(KEY).send().await?.error_for_status()?;
        let video: Value = serde_json::from_slice(&answer.bytes().await?)?;
        ensure!(video["status"].is_string(), "a video without a status");
        Ok(())
    }
}
