//! `POST /api/videos/generate-stream`: a task's life on one response, for a client that asks again by itself when it is cut off.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use zoetrope_testing::{Event, Events, Platform, Service, audit, eventually};

const PATH: &str = "/api/videos/generate-stream";

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

async fn started(events: &mut Events) -> Result<String> {
    let start = events.until("start").await?;
    Ok(start.data["video"]["id"].as_str().context("id")?.to_owned())
}

/// With two replicas and no looks of its own in time, a stream hears of changes by nudges alone, whoever makes them.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_a_task_s_life() -> Result<()> {
    let platform =
        Platform::builder().replicas(Service::TaskApi, 2).setting(Service::TaskApi, "streams.reread_seconds", 25).start().await?;
    let user = platform.user().await?;
    let body = json!({
        "prompt": "a paper boat [sim:duration=1]", "negativePrompt": "rain",
        "config": { "duration": 8, "resolution": "720p", "aspectRatio": "9:16", "fps": 30, "model": "sora-2" },
    });
    let mut events = user.post_for_events("/videos/generate-stream", &body).await?;
    for (name, value) in [("cache-control", "no-cache"), ("access-control-allow-origin", "*")] {
        ensure!(events.headers()[name].to_str()?.starts_with(value), "{name}: {:?}", events.headers()[name]);
    }
    let start = events.next().await?.context("no event")?;
    let video = &start.data["video"];
    assert_eq!((start.name.as_str(), &video["status"], &video["duration"]), ("start", &json!("PENDING"), &json!(8)));
    assert_eq!((&video["costCredits"], &video["remainingCredits"]), (&json!(100), &json!(0)));
    ensure!(events.retry > Some(Duration::ZERO), "a client is told when to come back");
    let id = video["id"].as_str().context("id")?;
    let row = user.task(&format!("video_{id}")).await?;
    ensure!(row["completedAt"].is_null(), "the first event waited for the last: {row}");

    let rest = events.rest().await?;
    let (last, progress) = rest.split_last().context("no end")?;
    ensure!(progress.iter().all(|event| event.name == "progress" && event.data["message"].is_string()), "{:?}", names(&rest));
    let percents: Vec<u64> = progress.iter().filter_map(|event| event.data["percent"].as_u64()).collect();
    ensure!(percents.is_sorted() && percents.last() < Some(&100), "{percents:?}");
    let video = &last.data["video"];
    assert_eq!((last.name.as_str(), &video["status"], &video["aspectRatio"]), ("complete", &json!("COMPLETED"), &json!("9:16")));
    assert_eq!((&video["remainingCredits"], &last.data["newBalance"]), (&json!(0), &json!(0)));
    let file = reqwest::get(video["fileUrl"].as_str().context("fileUrl")?).await?.error_for_status()?.bytes().await?;
    assert_eq!(video["fileSize"], file.len());
    assert_eq!(user.task(&format!("video_{id}")).await?["status"], "COMPLETED");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_begin_is_an_ordinary_answer_and_what_fails_is_paid_back() -> Result<()> {
    let platform = Platform::builder().setting(Service::TaskApi, "streams.keep_alive_seconds", 0.2).start().await?;
    let user = platform.user().await?;
    for (body, field) in [
        (json!({ "prompt": " " }), "prompt"),
        (json!({ "prompt": "x", "duration": 7 }), "duration"),
        (json!({ "prompt": "x", "config": { "aspectRatio": "21:9" } }), "config.aspectRatio"),
        (json!({ "prompt": "x", "config": { "duration": "long" } }), "config.duration"),
    ] {
        let refused = user.post(PATH, body).await?;
        assert_eq!((refused.status, refused.body["errors"][0]["field"].as_str()), (400, Some(field)), "{}", refused.body);
    }
    assert_eq!(platform.nobody().post(PATH, json!({ "prompt": "x" })).await?.status, 401);

    let mut failing = user.post_for_events(PATH, &json!({ "prompt": "hopeless [sim:fail=no luck]" })).await?;
    let failed = failing.rest().await?.pop().context("no end")?;
    assert_eq!((failed.name.as_str(), &failed.data["message"]), ("error", &json!("no luck")));
    ensure!(failed.data["code"].is_string(), "{}", failed.data);
    let video = &failed.data["video"];
    assert_eq!((&video["status"], &video["remainingCredits"]), (&json!("FAILED"), &json!(100)));

    let mut endless = user.post_for_events(PATH, &json!({ "prompt": "endless [sim:stuck]" })).await?;
    let id = started(&mut endless).await?;
    let short = user.post(PATH, json!({ "prompt": "too dear" })).await?;
    assert_eq!(
        (short.status, &short.body["code"], &short.body["data"]["required"]),
        (402, &json!("INSUFFICIENT_CREDITS"), &json!(100))
    );
    // Quiet for longer than an idle proxy may bear.
    eventually("progress of the endless", Duration::from_secs(20), async || {
        let row = user.task(&format!("video_{id}")).await?;
        ensure!(row["progress"] == 50, "{row}");
        Ok(())
    })
    .await?;
    for _ in 0..3 {
        endless.comment().await?;
    }
    user.post(&format!("/api/video/tasks/video_{id}/cancel"), Value::Null).await?.ok()?;
    let cancelled = endless.rest().await?.pop().context("no end")?;
    assert_eq!((cancelled.name.as_str(), &cancelled.data["code"]), ("error", &json!("CANCELLED")));
    assert_eq!(cancelled.data["video"]["remainingCredits"], 100);
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_again_finds_its_task() -> Result<()> {
    let platform = Platform::builder()
        .replicas(Service::TaskApi, 2)
        .setting(Service::TaskApi, "credits.signup_grant", 1000)
        .setting(Service::TaskApi, "streams.reread_seconds", 0.2)
        .setting(Service::TaskApi, "streams.repeat_window_seconds", 3)
        .setting(Service::TaskApi, "streams.keep_alive_seconds", 0.2)
        .setting(Service::TaskApi, "streams.max_per_user", 2)
        .start()
        .await?;
    let user = platform.user().await?;
    let body = json!({ "prompt": "asked for again and again [sim:stuck]" });

    // At the same time, and after a cut.
    let (first, second) = tokio::join!(user.post_for_events(PATH, &body), user.post_for_events(PATH, &body));
    let (mut first, mut second) = (first?, second?);
    let id = started(&mut first).await?;
    assert_eq!(started(&mut second).await?, id);
    drop((first, second));
    let mut third = admitted(&user, &body).await?;
    assert_eq!(started(&mut third).await?, id);
    assert_eq!(user.balance().await?, 900);

    // Another body, another user, and a key that says so are other requests.
    let mut other = admitted(&user, &json!({ "prompt": "asked for again and again [sim:stuck]", "duration": 8 })).await?;
    assert_ne!(started(&mut other).await?, id);
    drop(other);
    let stranger = platform.user().await?;
    assert_ne!(started(&mut stranger.post_for_events(PATH, &body).await?).await?, id);

    // What was cancelled is nobody's answer; nor is what nobody has followed for a while.
    user.post(&format!("/api/video/tasks/video_{id}/cancel"), Value::Null).await?.ok()?;
    third.until("error").await?;
    let mut anew = admitted(&user, &body).await?;
    let anew_id = started(&mut anew).await?;
    assert_ne!(anew_id, id);
    drop(anew);
    let database = platform.database().await?;
    eventually("the end of the window", Duration::from_secs(20), async || {
        let followed = "SELECT FROM tasks.followed_requests
                        WHERE task_id = $1::text::uuid AND followed_at >= now() - interval '3 seconds'";
        ensure!(database.query(followed, &[&anew_id]).await?.is_empty(), "still remembered");
        Ok(())
    })
    .await?;
    assert_ne!(started(&mut admitted(&user, &body).await?).await?, anew_id);

    // Once its end was told, a request is a new one; with a key it never is.
    let quick = json!({ "prompt": "quick" });
    let mut told = Vec::new();
    for _ in 0..2 {
        let mut stream = admitted(&user, &quick).await?;
        told.push(started(&mut stream).await?);
        stream.until("complete").await?;
        ensure!(stream.next().await?.is_none(), "nothing comes after the end");
    }
    assert_ne!(told[0], told[1]);
    let keyed = json!({ "prompt": "keyed" });
    stranger.post_with_key(PATH, &keyed, "one").await?.ok()?;
    assert_eq!(stranger.balance().await?, 800);
    for _ in 0..2 {
        eventually("a place for a keyed request", Duration::from_secs(20), async || {
            let answer = user.post_with_key(PATH, &keyed, "one").await?;
            ensure!(answer.status == 200, "{}", answer.body);
            Ok(())
        })
        .await?;
    }
    assert_eq!(user.post_with_key(PATH, &quick, "one").await?.status, 422);
    let tasks = user.get("/api/video/tasks?pageSize=100").await?.ok()?;
    let keyed = tasks["data"]["tasks"].as_array().context("tasks")?.iter().filter(|row| row["prompt"] == "keyed").count();
    assert_eq!(keyed, 1);
    audit::check(&platform).await
}

/// A stream in a place that one which was cut has left.
async fn admitted(user: &zoetrope_testing::User, body: &Value) -> Result<Events> {
    eventually("a place for one more stream", Duration::from_secs(20), async || user.post_for_events(PATH, body).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_a_limited_number_of_streams() -> Result<()> {
    let platform = Platform::builder()
        .setting(Service::TaskApi, "credits.signup_grant", 1000)
        .setting(Service::TaskApi, "streams.keep_alive_seconds", 0.2)
        .setting(Service::TaskApi, "streams.max_per_user", 1)
        .start()
        .await?;
    let (user, other) = (platform.user().await?, platform.user().await?);
    let stuck = json!({ "prompt": "long [sim:stuck]" });
    let mut open = user.post_for_events(PATH, &stuck).await?;
    started(&mut open).await?;
    let refused = user.post(PATH, json!({ "prompt": "one more" })).await?;
    assert_eq!((refused.status, refused.body["code"].as_str()), (429, Some("RATE_LIMITED")));
    ensure!(refused.headers.contains_key("retry-after"), "{:?}", refused.headers);
    assert_eq!(user.balance().await?, 900);
    other.post_for_events(PATH, &stuck).await?;

    // Comments find out who hung up; the task goes on.
    drop(open);
    admitted(&user, &json!({ "prompt": "one more" })).await?.until("complete").await?;
    let tasks = user.get("/api/video/tasks").await?.ok()?;
    ensure!(tasks["data"]["tasks"][1]["status"] == "PROCESSING", "{tasks}");
    Ok(())
}

/// The existing client takes an orderly end for good, and asks again after an error alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_cuts_streams_and_loses_nothing() -> Result<()> {
    let mut platform = Platform::start().await?;
    let user = platform.user().await?;
    let body = json!({ "prompt": "interrupted [sim:duration=2]" });
    let mut events = user.post_for_events(PATH, &body).await?;
    let id = started(&mut events).await?;
    let process = platform.process(Service::TaskApi, 0)?;
    process.terminate().await?;
    let broken = async {
        while let Some(event) = events.next().await? {
            ensure!(event.name == "progress", "{event:?}");
        }
        anyhow::Ok(())
    };
    assert_eq!(broken.await.unwrap_err().to_string(), "the stream broke off");
    let log = fs::read_to_string(process.log())?;
    ensure!(!log.contains(" ERROR "), "nobody has to act: {log}");

    process.start()?;
    process.ready().await?;
    let mut again = user.post_for_events(PATH, &body).await?;
    assert_eq!(started(&mut again).await?, id);
    assert_eq!(again.until("complete").await?.data["video"]["id"], id.as_str());
    assert_eq!(user.balance().await?, 0);
    audit::check(&platform).await
}
