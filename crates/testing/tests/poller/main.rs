//! The poller, seen from outside: how it follows jobs, what it asks of a provider, and how its replicas stand in for each other.

mod answers;
mod gate;
mod jobs;
mod leases;
mod takeover;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use zoetrope_testing::{Platform, Service, User, eventually};

fn task_id(video_id: &str) -> &str {
    video_id.trim_start_matches("video_")
}

async fn create_all(user: &User, count: usize, prompt: &str) -> Result<Vec<String>> {
    try_join_all((0..count).map(async |number| user.create(&format!("{number} {prompt}")).await)).await
}

/// Creates tasks, and waits until the provider has all of them.
async fn submit_all(platform: &Platform, user: &User, count: usize) -> Result<Vec<String>> {
    let tasks = create_all(user, count, "submitted").await?;
    let database = platform.database().await?;
    eventually("the submission of all tasks", Duration::from_secs(30), async || {
        let polling: i64 = database.query_one("SELECT count(*) FROM poller.jobs WHERE state = 'polling'", &[]).await?.get(0);
        ensure!(usize::try_from(polling)? == count, "{polling}");
        Ok(())
    })
    .await?;
    Ok(tasks)
}

/// How many polls a replica has begun.
async fn polls_begun(platform: &mut Platform, replica: usize) -> Result<f64> {
    let metrics = platform.process(Service::Poller, replica)?.metrics().await?;
    let line = metrics.lines().find_map(|line| line.strip_prefix("zoetrope_poller_poll_lateness_seconds_count "));
    Ok(line.context("no polls")?.parse()?)
}
