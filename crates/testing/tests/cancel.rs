//! A cancel races everything, and has three answers: cancelled now, cancellation requested, already finished.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use zoetrope_contracts::jobs::v1::{CancelJob, JobCancelled, JobSucceeded, StoredFile};
use zoetrope_testing::{Answer, Platform, Service, User, audit, eventually};

async fn cancel(user: &User, video_id: &str) -> Result<Answer> {
    user.post(&format!("/api/video/tasks/{video_id}/cancel"), Value::Null).await
}

/// Waits until the task shows that a provider has it, and at least this much progress.
async fn until_running(user: &User, video_id: &str, percent: u64) -> Result<Value> {
    eventually(&format!("{percent} % of {video_id}"), Duration::from_secs(30), async || {
        let row = user.task(video_id).await?;
        ensure!(row["status"] == "PROCESSING" && row["progress"].as_u64() >= Some(percent), "{row}");
        Ok(row)
    })
    .await
}

fn refused_as(answer: &Answer, status: &str) -> Result<()> {
    let body = &answer.body;
    ensure!((answer.status, &body["code"], &body["data"]["status"]) == (409, &json!("INVALID_STATE"), &json!(status)), "{body}");
    let message = body["message"].as_str().context("message")?;
    ensure!(message.contains(&status.to_lowercase()), "{message}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_no_provider_has_is_cancelled_now() -> Result<()> {
    let mut platform = Platform::start().await?;
    let user = platform.user().await?;
    let mut socket = user.socket().await?;
    platform.process(Service::Poller, 0)?.kill()?;
    let video_id = user.create("never wanted").await?;
    socket.subscribe(&video_id).await?;

    let answer = cancel(&user, &video_id).await?;
    assert_eq!((answer.status, &answer.body["data"]["status"]), (200, &json!("CANCELLED")));
    assert_eq!(user.balance().await?, 100);
    socket.until(&video_id, "taskCancelled").await?;
    refused_as(&cancel(&user, &video_id).await?, "CANCELLED")?;

    // The poller finds both commands, and may have submitted before it reads the second.
    let poller = platform.process(Service::Poller, 0)?;
    poller.start()?;
    poller.ready().await?;
    let marker = user.create("wanted").await?;
    assert_eq!(user.until_ended(&marker).await?["status"], "COMPLETED");
    let simulation = platform.simulation();
    eventually("nothing of it at the provider", Duration::from_secs(20), async || {
        let (submitted, deleted) = (simulation.submitted("never wanted").await?.len(), simulation.deleted().await?);
        ensure!(u64::try_from(submitted)? == deleted, "submitted {submitted}, deleted {deleted}");
        Ok(())
    })
    .await?;
    assert_eq!(user.task(&video_id).await?["status"], "CANCELLED");
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_task_is_cancelled_when_the_provider_confirms() -> Result<()> {
    let mut platform = Platform::start().await?;
    let user = platform.user().await?;
    let mut socket = user.socket().await?;
    let video_id = user.create("on its way [sim:duration=60]").await?;
    socket.subscribe(&video_id).await?;
    until_running(&user, &video_id, 0).await?;

    // While nobody can ask the provider, the answers can be looked at in peace.
    platform.process(Service::Poller, 0)?.kill()?;
    let answer = cancel(&user, &video_id).await?;
    assert_eq!((answer.status, &answer.body["message"]), (202, &json!("cancellation requested")));
    let row = &answer.body["data"];
    assert_eq!((&row["status"], &row["completedAt"]), (&json!("PROCESSING"), &Value::Null));
    assert!(row["cancelRequestedAt"].is_string(), "{row}");
    assert_eq!(user.balance().await?, 0, "the credits are back before the end");
    let again = cancel(&user, &video_id).await?;
    assert_eq!((again.status, &again.body), (202, &answer.body));
    let told = loop {
        let frame = socket.next_of(&video_id).await?;
        if frame.payload["message"].as_str().is_some_and(|message| message.contains("asked to cancel")) {
            break frame;
        }
    };
    assert_eq!((told.kind.as_str(), &told.payload["status"]), ("taskProgress", &json!("in_progress")));

    let poller = platform.process(Service::Poller, 0)?;
    poller.start()?;
    poller.ready().await?;
    socket.until(&video_id, "taskCancelled").await?;
    let ended = user.task(&video_id).await?;
    assert_eq!((&ended["status"], &ended["cancelRequestedAt"]), (&json!("CANCELLED"), &row["cancelRequestedAt"]));
    assert_eq!(user.balance().await?, 100);
    assert_eq!(platform.simulation().deleted().await?, 1);
    refused_as(&cancel(&user, &video_id).await?, "CANCELLED")?;
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_had_finished_unnoticed_is_kept_and_paid() -> Result<()> {
    let platform = Platform::builder()
        .setting(Service::TaskApi, "credits.signup_grant", 200)
        .setting(Service::Poller, "polling.min_interval_seconds", 600.0)
        .setting(Service::Poller, "polling.max_interval_seconds", 600.0)
        .start()
        .await?;
    let user = platform.user().await?;
    let mut socket = user.socket().await?;
    let finished = user.create("ready before anybody asks [sim:duration=0]").await?;
    let failed = user.create("broken before anybody asks [sim:duration=0][sim:fail=no luck]").await?;
    socket.subscribe(&finished).await?;
    for video_id in [&finished, &failed] {
        until_running(&user, video_id, 0).await?;
        assert_eq!(cancel(&user, video_id).await?.status, 202);
    }

    socket.until(&finished, "taskCompleted").await?;
    let row = user.task(&finished).await?;
    assert!(row["cancelRequestedAt"].is_string(), "{row}");
    let video = reqwest::get(row["videoUrl"].as_str().context("videoUrl")?).await?.error_for_status()?;
    assert_eq!(video.headers()["content-type"], "video/mp4");
    refused_as(&cancel(&user, &finished).await?, "COMPLETED")?;

    let row = user.until_ended(&failed).await?;
    assert_eq!((&row["status"], &row["errorMessage"]), (&json!("FAILED"), &json!("no luck")));
    refused_as(&cancel(&user, &failed).await?, "FAILED")?;
    assert_eq!(user.balance().await?, 100, "one is spent, one is given back");
    assert_eq!(platform.simulation().deleted().await?, 0);
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_keeps_nobody_waiting() -> Result<()> {
    let mut platform = Platform::builder()
        .setting(Service::TaskApi, "credits.signup_grant", 200)
        .setting(Service::Poller, "polling.cancel_window_seconds", 1.5)
        .start()
        .await?;
    let user = platform.user().await?;
    let silent = user.create("held back [sim:duration=60][sim:delete=503 times=always]").await?;
    // The first deletion takes effect, but nobody hears of it.
    let gone = user.create("gone unheard [sim:duration=60][sim:delete=cut-after]").await?;
    for video_id in [&silent, &gone] {
        until_running(&user, video_id, 0).await?;
        assert_eq!(cancel(&user, video_id).await?.status, 202);
    }
    for video_id in [&silent, &gone] {
        assert_eq!(user.until_ended(video_id).await?["status"], "CANCELLED");
    }
    assert_eq!(user.balance().await?, 200);
    assert_eq!(platform.simulation().deleted().await?, 1);
    let figures = reqwest::get(format!("{}/metrics", platform.process(Service::Poller, 0)?.internal_url())).await?.text().await?;
    assert!(figures.contains("zoetrope_poller_unconfirmed_cancellations_total 1\n"), "{figures}");
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_result_is_being_stored_is_not_cancelled() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let video_id = user.create("nearly there [sim:content=503 times=3]").await?;
    until_running(&user, &video_id, 99).await?;
    refused_as(&cancel(&user, &video_id).await?, "PROCESSING")?;
    let row = user.until_ended(&video_id).await?;
    assert_eq!((&row["status"], &row["cancelRequestedAt"]), (&json!("COMPLETED"), &Value::Null));
    assert_eq!(user.balance().await?, 0);
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn cancellations_that_come_twice_or_late_change_nothing() -> Result<()> {
    let platform = Platform::builder().setting(Service::TaskApi, "credits.signup_grant", 200).start().await?;
    let user = platform.user().await?;
    let kept = user.create("kept").await?;
    let kept_row = user.until_ended(&kept).await?;
    let cancelled = user.create("cancelled [sim:duration=60]").await?;
    until_running(&user, &cancelled, 0).await?;
    assert_eq!(cancel(&user, &cancelled).await?.status, 202);
    let cancelled_row = user.until_ended(&cancelled).await?;
    assert_eq!(cancelled_row["status"], "CANCELLED");

    let bus = platform.bus();
    for video_id in [&kept, &cancelled] {
        let task_id = video_id.trim_start_matches("video_").to_owned();
        for sequence in [1, 900, 900] {
            bus.publish(&JobCancelled { task_id: task_id.clone(), sequence, ..Default::default() }).await?;
        }
        let video = StoredFile { content_type: "video/mp4".into(), size: 1, ..Default::default() };
        bus.publish(&JobSucceeded { task_id: task_id.clone(), sequence: 901, video: Some(video), ..Default::default() }).await?;
        for _ in 0..2 {
            bus.publish(&CancelJob { task_id: task_id.clone(), confirm: true }).await?;
        }
    }
    // A later task goes all the way through the same queues, so everything before it has been dealt with.
    let later = platform.user().await?;
    let marker = later.create("marker").await?;
    later.until_ended(&marker).await?;

    assert_eq!(user.task(&cancelled).await?, cancelled_row);
    let row = user.task(&kept).await?;
    assert_eq!((&row["status"], &row["updatedAt"]), (&json!("COMPLETED"), &kept_row["updatedAt"]));
    reqwest::get(row["videoUrl"].as_str().context("videoUrl")?).await?.error_for_status()?;
    assert_eq!(user.balance().await?, 100);
    assert_eq!(platform.simulation().deleted().await?, 1);
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_arrives_after_the_cancel_is_removed() -> Result<()> {
    let platform = Platform::builder().setting(Service::Poller, "polling.lease_seconds", 1.0).start().await?;
    let user = platform.user().await?;
    // The provider takes a second for each of its files.
    let video_id = user.create("too late [sim:slow=1]").await?;
    until_running(&user, &video_id, 99).await?;
    let task_id = video_id.trim_start_matches("video_").to_owned();
    // As if the task had ended before it heard that a provider had it.
    platform.bus().publish(&CancelJob { task_id: task_id.clone(), confirm: false }).await?;

    let simulation = platform.simulation();
    eventually("the removal at the provider", Duration::from_secs(20), async || {
        ensure!(simulation.deleted().await? == 1, "not removed yet");
        Ok(())
    })
    .await?;
    // Nothing of it is in storage, however long the provider took to deliver.
    let folder = platform.directory().join("objects").join("tasks").join(&task_id);
    let left: Vec<_> = fs::read_dir(&folder).map(|entries| entries.flatten().collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}
