//! What comes of work whose lease was lost meanwhile.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio_postgres::Client;
use zoetrope_testing::{Platform, Service, audit, eventually};

use crate::task_id;

const PATIENCE: Duration = Duration::from_secs(30);

const LEASE: f64 = 30.0;

/// A poll is under way when the job is cancelled: the poll's lease ends, and the cancellation has its own. Both come back while the poller
/// cannot write, and are written together then.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_records_of_one_job_in_a_batch_only_that_of_the_lease_counts() -> Result<()> {
    let mut platform = Platform::builder()
        .setting(Service::TaskApi, "credits.signup_grant", 1_000)
        .setting(Service::Poller, "polling.lease_seconds", LEASE)
        .start()
        .await?;
    let (user, database, blocker) = (platform.user().await?, platform.database().await?, platform.database().await?);
    let in_the_way = user.create("in the way [sim:slow=1.5][sim:duration=60]").await?;
    let cancelled = user.create("cancelled [sim:slow=2.5][sim:duration=60]").await?;

    // The one poll is half over and the other one has just begun, so their records do not come together.
    let polled_by = eventually("two polls under way", PATIENCE, async || {
        let (first, second) = (job(&database, &in_the_way).await?, job(&database, &cancelled).await?);
        ensure!(first.state == "polling" && first.held_for.is_some_and(|held| (0.7..1.3).contains(&held)), "{first:?}");
        ensure!(second.state == "polling" && second.held_for.is_some_and(|held| held < 0.5), "{second:?}");
        Ok(second.held_by)
    })
    .await?;
    let hold = format!("BEGIN; SELECT FROM poller.jobs WHERE task_id = '{}' FOR UPDATE", task_id(&in_the_way));
    blocker.batch_execute(&hold).await?;
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE jobs%'";
    eventually("a batch that cannot be written", PATIENCE, async || {
        let waiting: i64 = database.query_one(waits, &[]).await?.get(0);
        ensure!(waiting == 1, "{waiting} wait");
        Ok(())
    })
    .await?;
    let answer = user.post(&format!("/api/video/tasks/{cancelled}/cancel"), Value::Null).await?;
    assert_eq!(answer.status, 202, "{}", answer.body);
    eventually("the provider's word on the cancellation", PATIENCE, async || {
        let metrics = platform.process(Service::Poller, 0)?.metrics().await?;
        let told = metrics
            .lines()
            .any(|line| line.starts_with("zoetrope_provider_request_seconds_count") && line.contains(r#"operation="delete""#));
        ensure!(told, "not told yet");
        Ok(())
    })
    .await?;
    let waiting = job(&database, &cancelled).await?;
    assert_eq!(waiting.state, "cancelling", "the record of the cancellation did not have to wait");
    ensure!(waiting.held_by.is_some() && waiting.held_by != polled_by, "the cancellation has no lease of its own: {waiting:?}");
    blocker.batch_execute("ROLLBACK").await?;

    let task = user.until_ended(&cancelled).await?;
    assert_eq!(task["status"], "CANCELLED", "{task}");
    user.post(&format!("/api/video/tasks/{in_the_way}/cancel"), Value::Null).await?.ok()?;
    user.until_ended(&in_the_way).await?;
    assert_eq!(user.balance().await?, 1_000);
    audit::check(&platform).await
}

#[derive(Debug)]
struct Job {
    state: String,
    held_by: Option<String>,
    /// Seconds since the claim.
    held_for: Option<f64>,
}

async fn job(database: &Client, video_id: &str) -> Result<Job> {
    let query = format!(
        "SELECT state, lease_token::text, {LEASE} - extract(epoch FROM lease_expires_at - now())::float8
         FROM poller.jobs WHERE task_id = '{}'",
        task_id(video_id),
    );
    let row = database.query_opt(&query, &[]).await?.context("no job")?;
    Ok(Job { state: row.get(0), held_by: row.get(1), held_for: row.get(2) })
}
