//! Messages that come twice, late, out of order or broken change nothing that is settled.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use zoetrope_contracts::{
    COMMANDS, EVENTS,
    jobs::v1::{JobFailed, JobPhase, JobProgressed, JobSucceeded, StoredFile, SubmitJob, VideoRequest},
};
use zoetrope_testing::{Platform, Service, User, audit, eventually};

fn task_id(row: &Value) -> Result<String> {
    Ok(row["videoId"].as_str().and_then(|id| id.strip_prefix("video_")).context("videoId")?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_task_hears_nothing_more() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let video_id = user.create("settled").await?;
    let settled = user.until_ended(&video_id).await?;
    let task = task_id(&settled)?;
    let bus = platform.bus();

    let late =
        JobFailed { task_id: task.clone(), sequence: 900, code: "LATE".into(), message: "late".into(), ..Default::default() };
    bus.publish(&late).await?;
    bus.publish(&JobProgressed {
        task_id: task.clone(),
        sequence: 901,
        progress: 5,
        phase: JobPhase::Generating.into(),
        ..Default::default()
    })
    .await?;
    let video =
        StoredFile { key: format!("tasks/{task}/video.mp4"), content_type: "video/mp4".into(), size: 1, ..Default::default() };
    for sequence in [1, 902] {
        bus.publish(&JobSucceeded { task_id: task.clone(), sequence, video: Some(video.clone()), ..Default::default() }).await?;
    }
    let order = VideoRequest { prompt: "settled".into(), ..Default::default() };
    let again =
        SubmitJob { task_id: task, provider: "openai".into(), model: "sora-2".into(), video: Some(order), ..Default::default() };
    for _ in 0..3 {
        bus.publish(&again).await?;
    }

    // A later task goes all the way through the same queues, so everything before it has been dealt with.
    let later = platform.user().await?;
    let marker = later.create("marker").await?;
    later.until_ended(&marker).await?;

    assert_eq!(user.task(&video_id).await?, settled);
    assert_eq!(user.balance().await?, 0);
    let submitted = platform.simulation().submitted("settled").await?;
    assert_eq!(submitted.iter().map(|submission| submission.times).sum::<u32>(), 1);
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_messages_are_set_aside_and_the_rest_flows() -> Result<()> {
    let platform = Platform::start().await?;
    let bus = platform.bus();
    let nonsense = b"\xff\xff\xff not protobuf";
    let heard_by: [(_, _, _, &[&str]); 6] = [
        (EVENTS, "job.succeeded", "zoetrope.jobs.v1.JobSucceeded", &["tasks.job-events"]),
        (COMMANDS, "job.submit", "zoetrope.jobs.v1.SubmitJob", &["poller.commands"]),
        (EVENTS, "task.updated", "zoetrope.tasks.v1.TaskUpdated", &["notifier.feed", "notifier.webhooks"]),
        (EVENTS, "user.registered", "zoetrope.users.v1.UserRegistered", &["tasks.user-events", "notifier.users"]),
        (EVENTS, "balances.changed", "zoetrope.tasks.v1.BalancesChanged", &["auth.balances"]),
        (COMMANDS, "mail.send", "zoetrope.mail.v1.SendMail", &["notifier.mail"]),
    ];
    for (exchange, key, kind, queues) in heard_by {
        bus.publish_bytes(exchange, key, kind, nonsense).await?;
        for queue in queues {
            eventually(&format!("the broken {key} that {queue} gave up"), Duration::from_secs(20), async || {
                let bodies = bus.drain(&format!("{queue}.dead")).await?;
                ensure!(bodies == [nonsense.to_vec()], "{} messages", bodies.len());
                Ok(())
            })
            .await?;
        }
    }
    let user = platform.user().await?;
    let video_id = user.create("after the nonsense").await?;
    assert_eq!(user.until_ended(&video_id).await?["status"], "COMPLETED");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_races_the_end() -> Result<()> {
    const TASKS: u64 = 60;
    let platform = Platform::builder()
        .setting(Service::TaskApi, "credits.signup_grant", 100 * i64::try_from(TASKS)?)
        .setting(Service::ProviderSim, "simulation.duration_seconds", 0.3)
        .setting(Service::Poller, "polling.max_interval_seconds", 0.05)
        .start()
        .await?;
    let user = platform.user().await?;
    let cancelled = try_join_all((0..TASKS).map(async |number| -> Result<bool> {
        let fate = if number % 3 == 0 { " [sim:fail=no luck]" } else { "" };
        let video_id = user.create(&format!("raced {number}{fate}")).await?;
        // Some cancels are surely in time, some surely too late, and the rest are spread over the life of a task.
        match number % 5 {
            0 => {}
            1 => drop(user.until_ended(&video_id).await?),
            _ => until_progress(&user, &video_id, number * 100 / TASKS).await?,
        }
        let path = format!("/api/video/tasks/{video_id}/cancel");
        let answers = try_join_all((0..2).map(|_| user.post(&path, json!({})))).await?;
        let row = user.until_ended(&video_id).await?;
        let with_status = |status| answers.iter().filter(|answer| answer.status == status).count();
        let (at_once, requested, refused) = (with_status(200), with_status(202), with_status(409));
        let is_cancelled = row["status"] == "CANCELLED";
        ensure!(at_once + requested + refused == answers.len(), "{answers:?}");
        match (at_once, requested) {
            (0, 0) => ensure!(!is_cancelled, "no cancel was accepted: {row}"),
            // Which comes first, the provider's end or the deletion, is open.
            (0, _) => ensure!(row["cancelRequestedAt"].is_string(), "{row}"),
            (1, 0) => ensure!(is_cancelled, "a cancel was accepted: {row}"),
            _ => bail!("{at_once} cancels at once and {requested} requested: {row}"),
        }
        Ok(is_cancelled)
    }))
    .await?;
    let won = cancelled.iter().filter(|won| **won).count();
    ensure!(won > 0 && won < cancelled.len(), "{won} of {} cancels came in time: nothing was raced", cancelled.len());
    audit::check(&platform).await
}

/// Waits until the task shows this much progress, or has ended.
async fn until_progress(user: &User, video_id: &str, percent: u64) -> Result<()> {
    eventually(&format!("{percent} % of {video_id}"), Duration::from_secs(60), async || {
        let row = user.task(video_id).await?;
        ensure!(row["progress"].as_u64() >= Some(percent) || row["completedAt"].is_string(), "{row}");
        Ok(())
    })
    .await
}
