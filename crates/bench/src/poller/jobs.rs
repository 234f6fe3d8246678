use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use tokio::task::JoinSet;
use tokio_postgres::Client;
use uuid::Uuid;

use super::settings::PROVIDER;
use crate::simulator::Simulator;

const SUBMISSIONS_AT_ONCE: usize = 32;
const ROWS_AT_ONCE: usize = 5_000;
/// Prompts that people write have about this many bytes.
const PROMPT_BYTES: usize = 200;

/// A job that the provider has accepted.
#[derive(Debug, Clone)]
pub struct Job {
    pub task_id: Uuid,
    pub external_id: String,
    pub prompt: String,
    /// When the provider completes it, in Unix seconds, to within some milliseconds.
    pub ends_at: f64,
}

/// Submits a video for each of these durations in seconds.
pub async fn submit(simulator: &Simulator, durations: &[f64]) -> Result<Vec<Job>> {
    let (durations, next) = (Arc::new(durations.to_vec()), Arc::new(AtomicUsize::new(0)));
    let mut workers = JoinSet::new();
    for _ in 0..SUBMISSIONS_AT_ONCE {
        let (simulator, durations, next) = (simulator.clone(), Arc::clone(&durations), Arc::clone(&next));
        workers.spawn(async move {
            let mut jobs = Vec::new();
            while let Some(duration) = durations.get(next.fetch_add(1, Ordering::Relaxed)) {
                jobs.push(submit_one(&simulator, *duration).await?);
            }
            anyhow::Ok(jobs)
        });
    }
    let mut jobs = Vec::with_capacity(durations.len());
    while let Some(done) = workers.join_next().await {
        jobs.extend(done??);
    }
    Ok(jobs)
}

async fn submit_one(simulator: &Simulator, duration: f64) -> Result<Job> {
    let task_id = Uuid::now_v7();
    let prompt = format!("[sim:duration={duration:.3}] {:.<PROMPT_BYTES$}", "a paper boat on a mountain lake at dawn");
    let prompt: String = prompt.chars().take(PROMPT_BYTES).collect();
    let sent_at = now();
    let external_id = simulator.submit(&prompt, &task_id.to_string()).await?;
    Ok(Job { task_id, external_id, prompt, ends_at: f64::midpoint(sent_at, now()) + duration })
}

/// Writes the jobs as a poller has them that has polled each of them once; due in a day.
pub async fn insert(database: &Client, jobs: &[Job]) -> Result<()> {
    for jobs in jobs.chunks(ROWS_AT_ONCE) {
        let column = |value: fn(&Job) -> String| jobs.iter().map(value).collect::<Vec<_>>();
        let task_ids = column(|job| job.task_id.to_string());
        let external_ids = column(|job| job.external_id.clone());
        let prompts = column(|job| job.prompt.clone());
        database
            .execute(
                "INSERT INTO poller.jobs (task_id, kind, model, provider, prompt, seconds, size, state, external_id, phase, sequence,
                     polls, due_at, intent_at)
                 SELECT task_id::uuid, 'text_to_video', 'sora-2', $4, prompt, 4, '720x1280', 'polling', external_id, 2, 2,
                     1, now() + interval '1 day', now()
                 FROM unnest($1::text[], $2::text[], $3::text[]) AS jobs (task_id, external_id, prompt)",
                &[&task_ids, &external_ids, &prompts, &PROVIDER],
            )
            .await?;
    }
    Ok(())
}

/// Makes all jobs due once within the interval that begins at `from` (Unix seconds), evenly spread, and in an order that has nothing to
/// do with that of their rows.
pub async fn spread(database: &Client, from: f64, interval: Duration) -> Result<()> {
    database
        .execute(
            "WITH turns AS (
                 SELECT task_id, (row_number() OVER (ORDER BY external_id) - 1)::float8 / count(*) OVER () AS part
                 FROM poller.jobs WHERE state = 'polling'
             )
             UPDATE poller.jobs SET due_at = to_timestamp($1) + make_interval(secs => $2 * part)
             FROM turns WHERE jobs.task_id = turns.task_id",
            &[&from, &interval.as_secs_f64()],
        )
        .await?;
    tidy(database).await
}

/// Makes all jobs due in a day, so that nothing is due before that.
pub async fn postpone(database: &Client) -> Result<()> {
    database.execute("UPDATE poller.jobs SET due_at = now() + interval '1 day' WHERE due_at IS NOT NULL", &[]).await?;
    tidy(database).await
}

/// Leaves the table as one that has been in use for long, without what it took to set it up.
async fn tidy(database: &Client) -> Result<()> {
    // Neither can be run with something else in one transaction.
    database.batch_execute("VACUUM (ANALYZE) poller.jobs").await?;
    database.batch_execute("CHECKPOINT").await?;
    Ok(())
}

/// Unix seconds.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
