//! Results on their way from the provider into storage: cut, missing, mistaken, expired.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use zoetrope_testing::{Platform, PlatformBuilder, Service, User, audit, eventually};

/// A poller that tries again soon, and users who can pay for several videos.
fn platform() -> PlatformBuilder {
    Platform::builder()
        .setting(Service::TaskApi, "credits.signup_grant", 300)
        .setting(Service::Poller, "polling.backoff_seconds", 0.05)
        .setting(Service::Poller, "polling.max_backoff_seconds", 0.5)
}

/// Creates a task and waits for its end.
async fn run(user: &User, prompt: &str) -> Result<Value> {
    user.until_ended(&user.create(prompt).await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_that_is_cut_goes_on_and_arrives_whole() -> Result<()> {
    let platform = platform().start().await?;
    let user = platform.user().await?;
    let row = run(&user, "in five pieces [sim:content=cut times=4]").await?;
    assert_eq!(row["status"], "COMPLETED", "{row}");

    // Four of the requests asked for the rest; the last of all was for the thumbnail.
    let totals = platform.simulation().totals().await?;
    assert_eq!((totals.contents, totals.ranges), (6, 4));

    let played = reqwest::get(row["videoUrl"].as_str().context("videoUrl")?).await?.error_for_status()?;
    let etag = played.headers()["etag"].to_str()?.to_owned();
    let played = played.bytes().await?.to_vec();
    let original = platform.simulation().video(row["externalTaskId"].as_str().context("externalTaskId")?).await?;
    ensure!(played == original, "{} bytes instead of {}, or others", played.len(), original.len());

    let database = platform.database().await?;
    let digest: String = database.query_one("SELECT encode(sha256($1), 'hex')", &[&original]).await?.get(0);
    assert_eq!(etag, format!("\"{digest}\""));
    audit::check(&platform).await
}

/// Puts a file where a poller does that dies before it tells of it.
fn store_in_silence(platform: &Platform, video_id: &str) -> Result<PathBuf> {
    let folder = platform.directory().join("objects/tasks").join(video_id.trim_start_matches("video_"));
    fs::create_dir_all(&folder)?;
    let file = folder.join("video.mp4");
    fs::write(&file, "nobody was told")?;
    Ok(file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_cannot_be_had_is_a_failure_with_refund_and_leaves_no_file() -> Result<()> {
    let platform = platform().setting(Service::Poller, "polling.archive_deadline_seconds", 5.0).start().await?;
    let user = platform.user().await?;
    let balance = user.balance().await?;
    let mut left = Vec::new();

    // The first two are given up after a few tries; the last one may pass, and is tried until the deadline.
    for (fault, tries) in [("404", Some(5)), ("garbage", Some(5)), ("503", None)] {
        let before = platform.simulation().totals().await?.contents;
        let video_id = user.create(&format!("nothing to see [sim:content={fault} times=always]")).await?;
        left.push(store_in_silence(&platform, &video_id)?);
        let row = user.until_ended(&video_id).await?;
        assert_eq!(row["status"], "FAILED", "{fault}: {row}");
        assert_eq!(row["errorCode"], "RESULT_UNAVAILABLE", "{fault}");
        assert_eq!(user.balance().await?, balance, "{fault}");
        let contents = platform.simulation().totals().await?.contents - before;
        assert!(tries.map_or(contents > 5, |tries| contents == tries), "{fault}: {contents} tries");
    }

    let database = platform.database().await?;
    let failed = "SELECT count(*) FROM poller.jobs WHERE state = 'failed' AND failure_code = 'RESULT_UNAVAILABLE'";
    eventually("the end of all jobs", Duration::from_secs(20), async || {
        let ended: i64 = database.query_one(failed, &[]).await?.get(0);
        ensure!(ended == 3, "{ended}");
        Ok(())
    })
    .await?;
    ensure!(left.iter().all(|file| !file.exists()), "{left:?}");
    // What the provider has of it may tell why.
    assert_eq!(platform.simulation().deleted().await?, 0);
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_says_in_riddles_ends_nothing() -> Result<()> {
    let mut platform = platform().start().await?;
    let user = platform.user().await?;
    let riddles = "[sim:poll=unknown times=2][sim:poll=malformed times=2][sim:content=garbage times=2][sim:content=404 times=2]";
    let row = run(&user, &format!("understood in the end {riddles}")).await?;
    assert_eq!(row["status"], "COMPLETED", "{row}");

    let figures = platform.process(Service::Poller, 0)?.internal_url() + "/metrics";
    let figures = reqwest::get(figures).await?.text().await?;
    for operation in ["retrieve", "content"] {
        let operation = format!("operation=\"{operation}\"");
        let line = figures
            .lines()
            .find(|line| line.starts_with("zoetrope_provider_unreadable_answers_total{") && line.contains(&operation))
            .with_context(|| format!("no figure of {operation}"))?;
        let expected = if operation.contains("retrieve") { " 4" } else { " 2" };
        assert!(line.ends_with(expected), "{line}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_expires_is_used_at_once_and_asked_for_anew() -> Result<()> {
    let platform = platform()
        .setting(Service::Poller, "providers.openai.result", "url")
        .setting(Service::Poller, "polling.sweep_seconds", 600.0)
        .start()
        .await?;
    let user = platform.user().await?;

    // Only a poller that goes on at once ends this one before the test's patience does: a sweep comes too late. One request for the video, one for the thumbnail.
    let row = run(&user, "soon gone [sim:link=5]").await?;
    assert_eq!(row["status"], "COMPLETED", "{row}");
    assert_eq!(platform.simulation().totals().await?.contents, 2);

    // The poll sees the first address, the first try to fetch the file the second: both have expired.
    let row = run(&user, "too late at first [sim:link=0 times=2]").await?;
    assert_eq!(row["status"], "COMPLETED", "{row}");
    assert_eq!(platform.simulation().totals().await?.contents, 2 + 3);

    // One that is cut and has expired when the rest is asked for: nothing is pieced together, the whole is fetched anew.
    let row = run(&user, "cut and late [sim:link=60][sim:content=cut][sim:content=403]").await?;
    assert_eq!(row["status"], "COMPLETED", "{row}");
    let totals = platform.simulation().totals().await?;
    assert_eq!((totals.contents, totals.ranges), (5 + 4, 0));
    let played = reqwest::get(row["videoUrl"].as_str().context("videoUrl")?).await?.error_for_status()?.bytes().await?;
    let original = platform.simulation().video(row["externalTaskId"].as_str().context("externalTaskId")?).await?;
    ensure!(played == original, "the file is another one");
    audit::check(&platform).await
}
