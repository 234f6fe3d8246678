//! Whenever a client hears a state, an immediate GET shows that state or a later one.

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::Value;
use zoetrope_testing::{Frame, Platform, Service, User, audit};

const USERS: usize = 10;
const TASKS_EACH: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_heard_is_already_true() -> Result<()> {
    let platform = Platform::builder()
        .setting(Service::TaskApi, "credits.signup_grant", 100 * i64::try_from(TASKS_EACH)?)
        .setting(Service::ProviderSim, "simulation.duration_seconds", 4.0)
        .setting(Service::Poller, "polling.max_interval_seconds", 1.0)
        // A thousand tasks keep a small machine busy, and what is heard late is heard all the same.
        .setting(Service::Notifier, "websocket.subscribe_wait_seconds", 30.0)
        .start()
        .await?;
    let heard = try_join_all((0..USERS).map(|_| async { listen(platform.user().await?).await })).await?;

    assert_eq!(heard.iter().map(|heard| heard.ended).sum::<usize>(), USERS * TASKS_EACH);
    let checked: usize = heard.iter().map(|heard| heard.checked).sum();
    assert!(checked >= 2 * USERS * TASKS_EACH, "only {checked} states were heard");
    audit::check(&platform).await
}

struct Heard {
    checked: usize,
    ended: usize,
}

/// Creates tasks one after the other on one connection, and asks for the state after each frame.
async fn listen(user: User) -> Result<Heard> {
    let mut socket = user.socket().await?;
    for number in 0..TASKS_EACH {
        let fate = if number % 10 == 0 { " [sim:fail=no luck]" } else { "" };
        let video_id = user.create(&format!("number {number}{fate}")).await?;
        socket.subscribe(&video_id).await?;
    }
    let mut heard = Heard { checked: 0, ended: 0 };
    while heard.ended < TASKS_EACH {
        let frame = socket.next_task_frame().await?;
        let video_id = frame.payload["videoId"].as_str().context("videoId")?;
        let row = user.task(video_id).await?;
        agrees(&frame, &row)?;
        heard.checked += 1;
        if matches!(frame.kind.as_str(), "taskCompleted" | "taskFailed") {
            heard.ended += 1;
        }
    }
    Ok(heard)
}

fn agrees(frame: &Frame, row: &Value) -> Result<()> {
    let rank = |status: &str| match status.to_lowercase().as_str() {
        "queued" => 0,
        "processing" | "in_progress" => 1,
        _ => 2,
    };
    let told = frame.payload["status"].as_str().context("status")?;
    let shown = row["status"].as_str().context("row status")?;
    ensure!(rank(shown) >= rank(told), "heard {told}, GET shows {shown}");
    if rank(told) == 2 {
        ensure!(told.eq_ignore_ascii_case(shown), "heard {told}, GET shows {shown}");
    }
    if let Some(percent) = frame.payload["progress"].as_u64() {
        ensure!(row["progress"].as_u64() >= Some(percent), "heard {percent} %, GET shows {}", row["progress"]);
    }
    Ok(())
}
