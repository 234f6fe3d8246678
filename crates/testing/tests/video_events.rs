//! `GET /api/v1/videos/{id}/events` and `…/stream`: the log of a video's steps, for a front-end with an `EventSource`.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use zoetrope_testing::{Event, Platform, Service, audit};

/// The steps in order, without the repetitions that tell progress.
fn steps(events: &[Event]) -> Vec<i64> {
    let mut steps: Vec<i64> = events.iter().filter_map(|event| event.data["step"].as_i64()).collect();
    steps.dedup();
    steps
}

/// With two replicas and no looks of its own in time, a stream hears of changes by nudges alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_video_s_steps_are_told_to_whoever_comes_whenever() -> Result<()> {
    let platform =
        Platform::builder().replicas(Service::TaskApi, 2).setting(Service::TaskApi, "streams.reread_seconds", 25).start().await?;
    let user = platform.user().await?;
    let id = user.create("a paper boat [sim:duration=1]").await?;
    let in_query = |name: &str| format!("/api/v1/videos/{id}/stream?{name}={}", user.token());
    let mut events = platform.nobody().events(&in_query("token"), None).await?;
    for (name, value) in [("cache-control", "no-cache"), ("access-control-allow-origin", "*")] {
        ensure!(events.headers()[name].to_str()?.starts_with(value), "{name}: {:?}", events.headers()[name]);
    }
    let first = events.next().await?.context("no event")?;
    ensure!(events.retry > Some(Duration::ZERO), "a client is told when to come back");
    ensure!(user.task(&id).await?["completedAt"].is_null(), "the first event waited for the last");

    let mut log = vec![first];
    log.extend(events.rest().await?);
    assert_eq!(steps(&log), [1, 2, 3, 4, 5, 6, 7, 9]);
    for event in &log {
        ensure!(event.name == "message" && event.id.is_some(), "{event:?}");
        ensure!(event.data["message"].is_string() && event.data["timestamp"].is_string(), "{event:?}");
        ensure!(event.data.get("error").is_none(), "{event:?}");
    }
    let end = &log[log.len() - 1];
    assert_eq!((&end.data["status"], &end.data["progress"]), (&json!("completed"), &json!(100)));
    let url = end.data["video_url"].as_str().context("video_url")?;
    ensure!(url.starts_with('/'), "{url}");
    reqwest::get(format!("{}{url}", platform.gateway_url())).await?.error_for_status()?;

    // Late, by the other name of the token, by the other path, and by the bare UUID.
    let late = platform.nobody().events(&in_query("access_token"), None).await?.rest().await?;
    assert_eq!((steps(&late), late.len()), (vec![1, 2, 3, 4, 5, 6, 7, 9], 8));
    let path = format!("/api/v1/videos/{}/events", id.trim_start_matches("video_"));
    let fourth = log.iter().find(|event| event.data["step"] == 4).context("no step 4")?;
    let resumed = user.events(&path, fourth.id.as_deref()).await?.rest().await?;
    ensure!(matches!(steps(&resumed)[..], [5, 6, 7, 9]), "{resumed:?}");
    assert_eq!(user.events(&path, Some("nonsense")).await?.rest().await?, user.events(&path, None).await?.rest().await?);
    let over = user.get_with_header(&path, "Last-Event-ID", end.id.as_deref().context("no id")?).await?;
    assert_eq!((over.status, over.body), (204, Value::Null));

    for process in platform.processes() {
        ensure!(!fs::read_to_string(process.log())?.contains(user.token()), "{} logs a token", process.name());
    }
    let access = fs::read_to_string(platform.directory().join("gateway/access.log"))?;
    ensure!(access.contains("/stream") && !access.contains(user.token()), "the gateway logs a token, or nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_its_owner_s_and_tells_every_end() -> Result<()> {
    let platform = Platform::builder()
        .setting(Service::TaskApi, "credits.signup_grant", 1000)
        .setting(Service::TaskApi, "streams.keep_alive_seconds", 0.2)
        .setting(Service::TaskApi, "streams.max_per_user", 1)
        .start()
        .await?;
    let (user, stranger) = (platform.user().await?, platform.user().await?);
    let id = user.create("endless [sim:stuck]").await?;
    let path = format!("/api/v1/videos/{id}/events");
    for (path, status) in [(path.clone(), 401), (format!("{path}?token="), 401), (format!("{path}?token=forged"), 401)] {
        let refused = platform.nobody().get(&path).await?;
        assert_eq!((refused.status, &refused.body["code"]), (status, &json!("UNAUTHORIZED")), "{path}");
    }
    assert_eq!(platform.nobody().get(&format!("/api/video/tasks/{id}?token={}", user.token())).await?.status, 401);
    for unknown in [path.as_str(), "/api/v1/videos/video_018f0000-0000-7000-8000-000000000000/events", "/api/v1/videos/x/stream"]
    {
        let refused = stranger.get(unknown).await?;
        assert_eq!((refused.status, &refused.body["code"]), (404, &json!("NOT_FOUND")), "{unknown}");
    }

    let failing = stranger.create("hopeless [sim:fail=no luck]").await?;
    let failed = stranger.events(&format!("/api/v1/videos/{failing}/stream"), None).await?.rest().await?;
    ensure!(steps(&failed).starts_with(&[1, 2]), "{failed:?}");
    let end = &failed.last().context("no end")?.data;
    assert_eq!((&end["step"], &end["status"], &end["error"]), (&json!(-1), &json!("failed"), &json!("no luck")));

    // Cut in the midst, and taken up again in the place that the cut one leaves.
    let mut events = user.events(&path, None).await?;
    let mut last = events.next().await?.context("no event")?;
    while last.data["progress"] != 50 {
        last = events.next().await?.context("no progress")?;
    }
    events.comment().await?;
    let full = user.get(&path).await?;
    assert_eq!((full.status, &full.body["code"]), (429, &json!("RATE_LIMITED")));
    drop(events);
    let mut events = zoetrope_testing::eventually("a place for one more stream", Duration::from_secs(20), async || {
        user.events(&path, last.id.as_deref()).await
    })
    .await?;
    user.post(&format!("/api/video/tasks/{id}/cancel"), Value::Null).await?.ok()?;
    let rest = events.rest().await?;
    ensure!(matches!(steps(&rest)[..], [-1] | [4, -1]), "{rest:?}");
    let end = &rest.last().context("no end")?.data;
    assert_eq!((&end["step"], &end["status"], &end["error"]), (&json!(-1), &json!("failed"), &json!("cancelled")));

    // Nobody sees anything any more who has signed out.
    let id = stranger.create("endless too [sim:stuck]").await?;
    let path = format!("/api/v1/videos/{id}/events");
    let mut events = zoetrope_testing::eventually("a place for one more stream", Duration::from_secs(20), async || {
        stranger.events(&path, None).await
    })
    .await?;
    events.next().await?.context("no event")?;
    stranger.post("/api/auth/logout", Value::Null).await?.ok()?;
    let broken = async {
        while events.next().await?.is_some() {}
        anyhow::Ok(())
    };
    assert_eq!(broken.await.unwrap_err().to_string(), "the stream broke off");
    assert_eq!(stranger.get(&path).await?.status, 401);
    audit::check(&platform).await
}
