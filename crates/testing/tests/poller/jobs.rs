//! How jobs are followed: limits of an account, limits of a job, what an operator sees, what is forgotten.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::process::Command;
use zoetrope_contracts::{
    jobs::v1::{SubmitJob, VideoRequest},
    timestamp,
};
use zoetrope_testing::{Platform, Service, binary, eventually};

use crate::{create_all, polls_begun, task_id};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test(flavor = "multi_thread")]
async fn an_account_bears_so_many_jobs_over_all_replicas() -> Result<()> {
    let platform = Platform::builder()
        .replicas(Service::Poller, 2)
        .setting(Service::TaskApi, "credits.signup_grant", 5_000)
        .setting(Service::Poller, "providers.openai.max_concurrent_jobs", 3)
        .setting(Service::ProviderSim, "simulation.duration_seconds", 0.3)
        .start()
        .await?;
    let user = platform.user().await?;
    let tasks = create_all(&user, 12, "one of a few").await?;

    let database = platform.database().await?;
    let mut most = 0;
    eventually("the end of all tasks", Duration::from_secs(60), async || {
        let row = database
            .query_one(
                "SELECT count(*) FILTER (WHERE state IN ('submitting', 'unconfirmed', 'polling')),
                        count(*) FILTER (WHERE state = 'succeeded') FROM poller.jobs",
                &[],
            )
            .await?;
        let (under_way, succeeded): (i64, i64) = (row.get(0), row.get(1));
        most = most.max(under_way);
        ensure!(usize::try_from(succeeded)? == tasks.len(), "{succeeded} have ended");
        Ok(())
    })
    .await?;
    ensure!((1..=3).contains(&most), "{most} jobs at once");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_work() -> Result<()> {
    let mut platform = Platform::builder()
        .replicas(Service::Poller, 2)
        .setting(Service::TaskApi, "credits.signup_grant", 5_000)
        .setting(Service::ProviderSim, "simulation.duration_seconds", 4.0)
        .start()
        .await?;
    let user = platform.user().await?;
    for video_id in create_all(&user, 40, "shared").await? {
        user.until_ended(&video_id).await?;
    }
    let mut polls = Vec::new();
    for replica in 0..2 {
        polls.push(polls_begun(&mut platform, replica).await?);
    }
    let all: f64 = polls.iter().sum();
    ensure!(all >= 200.0 && polls.iter().all(|polls| *polls >= all / 5.0), "{polls:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_takes_too_long_fails_and_is_refunded() -> Result<()> {
    let by_age = Platform::builder().setting(Service::ProviderSim, "simulation.duration_seconds", 60.0).setting(
        Service::Poller,
        "polling.max_age_seconds_by_kind.text_to_video",
        1.5,
    );
    let by_polls = Platform::builder().setting(Service::ProviderSim, "simulation.duration_seconds", 60.0).setting(
        Service::Poller,
        "polling.max_polls",
        3,
    );
    for (builder, code) in [(by_age, "AGE_LIMIT"), (by_polls, "POLL_LIMIT")] {
        let platform = builder.start().await?;
        let user = platform.user().await?;
        let row = user.until_ended(&user.create("endless").await?).await?;
        assert_eq!((row["status"].as_str(), row["errorCode"].as_str()), (Some("FAILED"), Some(code)), "{row}");
        assert_eq!(user.balance().await?, 100);
        // It would go on there, and be charged for.
        eventually("the end of the job at its provider", Duration::from_secs(20), async || {
            ensure!(platform.simulation().deleted().await? == 1);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_unconfirmed_submissions() -> Result<()> {
    let mut platform = Platform::builder().setting(Service::Poller, "polling.unconfirmed_window_seconds", 1.0).start().await?;
    let user = platform.user().await?;
    let video_id = user.create("a secret wish [sim:submit=cut-after]").await?;
    let row = user.until_ended(&video_id).await?;
    assert_eq!((row["status"].as_str(), row["errorCode"].as_str()), (Some("FAILED"), Some("SUBMISSION_UNCONFIRMED")));
    assert_eq!(user.balance().await?, 100);
    assert_eq!(platform.simulation().submissions().await?.len(), 1);

    let settings = platform.process(Service::Poller, 0)?.settings().to_owned();
    let output =
        Command::new(binary("poller")?).arg("--config").arg(settings).args(["jobs", "--unconfirmed", "--json"]).output().await?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let job: Value = serde_json::from_str(said.trim())?;
    assert_eq!(job["task_id"], task_id(&video_id));
    assert_eq!((job["state"].as_str(), job["failure_code"].as_str()), (Some("failed"), Some("SUBMISSION_UNCONFIRMED")));
    assert!(!said.contains("secret wish"), "{said}");

    let metrics = platform.process(Service::Poller, 0)?.metrics().await?;
    assert!(metrics.lines().any(|line| line == "zoetrope_poller_unconfirmed_submissions_total 1"), "{metrics}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn old_jobs_are_forgotten_and_their_orders_refused() -> Result<()> {
    let mut platform = Platform::builder()
        .setting(Service::TaskApi, "credits.signup_grant", 300)
        .setting(Service::Poller, "polling.keep_days", 7)
        .start()
        .await?;
    let user = platform.user().await?;
    let (old, recent) = (user.create("old").await?, user.create("recent").await?);
    let settled = user.until_ended(&old).await?;
    user.until_ended(&recent).await?;

    let database = platform.database().await?;
    let age = "UPDATE poller.jobs SET state_since = now() - interval '8 days', ordered_at = now() - interval '8 days'
               WHERE task_id::text = $1";
    assert_eq!(database.execute(age, &[&task_id(&old)]).await?, 1);
    // A process sweeps when it starts.
    platform.crash(Service::Poller, 0).await?;
    eventually("the end of the old job", Duration::from_secs(20), async || {
        let rows = database.query("SELECT task_id::text FROM poller.jobs", &[]).await?;
        let known: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        ensure!(known == [task_id(&recent)], "{known:?}");
        Ok(())
    })
    .await?;

    let order = SubmitJob {
        task_id: task_id(&old).to_owned(),
        kind: "text_to_video".into(),
        provider: "openai".into(),
        model: "sora-2".into(),
        video: Some(VideoRequest { prompt: "old".into(), ..Default::default() }),
        created_at: Some(timestamp((std::time::SystemTime::now() - 8 * DAY).into())),
        ..Default::default()
    };
    platform.bus().publish(&order).await?;
    eventually("the refusal of the old order", Duration::from_secs(20), async || {
        let query = "SELECT state, failure_code FROM poller.jobs WHERE task_id::text = $1";
        let row = database.query_one(query, &[&task_id(&old)]).await?;
        ensure!((row.get::<_, &str>(0), row.get::<_, &str>(1)) == ("failed", "TOO_OLD"));
        Ok(())
    })
    .await?;
    assert_eq!(platform.simulation().submitted("old").await?.len(), 1);
    // A later task goes through the same queues, so the refusal has been heard by then.
    let later = user.create("later").await?;
    user.until_ended(&later).await?;
    assert_eq!(user.task(&old).await?["status"], settled["status"]);
    assert_eq!(user.balance().await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_a_provider_that_is_gone_fail_and_are_refunded() -> Result<()> {
    let platform = Platform::builder()
        .setting(Service::ProviderSim, "simulation.duration_seconds", 60.0)
        .setting(Service::Poller, "polling.sweep_seconds", 0.2)
        .start()
        .await?;
    let user = platform.user().await?;
    let video_id = user.create("left behind").await?;
    let database = platform.database().await?;
    eventually("a job with the provider", Duration::from_secs(20), async || {
        // Not while it is being polled, whose record would be lost.
        let moved = "UPDATE poller.jobs SET provider = 'gone' WHERE state = 'polling' AND lease_token IS NULL";
        ensure!(database.execute(moved, &[]).await? == 1);
        Ok(())
    })
    .await?;
    let row = user.until_ended(&video_id).await?;
    assert_eq!((row["status"].as_str(), row["errorCode"].as_str()), (Some("FAILED"), Some("UNKNOWN_PROVIDER")), "{row}");
    assert_eq!(user.balance().await?, 100);
    Ok(())
}
