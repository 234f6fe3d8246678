//! `GET /api/events` and `GET /api/tasks/{id}/events`, through the gateway, as browsers and curl read them.

use std::{collections::BTreeMap, fs, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use zoetrope_testing::{Event, Events, Platform, PlatformBuilder, Service, User, eventually};

const ALL: &str = "/api/events";

/// Two replicas, so that a client comes back to another one as often as not.
fn platform() -> PlatformBuilder {
    Platform::builder()
        .replicas(Service::Notifier, 2)
        .setting(Service::TaskApi, "credits.signup_grant", 1000)
        .setting(Service::Notifier, "websocket.subscribe_wait_seconds", 1.5)
        .setting(Service::Notifier, "websocket.heartbeat_seconds", 0.3)
}

/// The path of one task's stream.
fn one(video_id: &str) -> String {
    format!("/api/tasks/{}/events", video_id.trim_start_matches("video_"))
}

/// The next event that says something.
async fn news(events: &mut Events) -> Result<Event> {
    loop {
        let event = events.next().await?.context("the stream ended")?;
        if event.name != "heartbeat" {
            return Ok(event);
        }
    }
}

/// What is told of tasks until so many have completed.
async fn until_completed(events: &mut Events, count: usize) -> Result<Vec<Event>> {
    let mut told = Vec::new();
    let completed = |told: &[Event]| told.iter().filter(|event| event.name == "taskCompleted").count();
    while completed(&told) < count {
        let event = news(events).await?;
        if event.name != "subscribeSuccess" {
            told.push(event);
        }
    }
    Ok(told)
}

fn video(event: &Event) -> &Value {
    &event.data["payload"]["videoId"]
}

/// The newest that is told of each task.
fn newest(events: &[Event]) -> BTreeMap<&str, &str> {
    events.iter().map(|event| (video(event).as_str().unwrap_or_default(), event.name.as_str())).collect()
}

/// Waits until the table knows of the ends of so many tasks.
async fn until_stored(platform: &Platform, ends: i64) -> Result<()> {
    let database = platform.database().await?;
    eventually("the ends in the table", Duration::from_secs(30), async || {
        let sql = "SELECT count(*) FROM notifier.task_states WHERE status = 'completed'";
        let stored: i64 = database.query_one(sql, &[]).await?.get(0);
        ensure!(stored == ends, "{stored}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn all_own_tasks_are_followed_and_resumed_from_every_id() -> Result<()> {
    let platform = platform().start().await?;
    let (user, stranger) = (platform.user().await?, platform.user().await?);
    let mut events = user.events(ALL, None).await?;
    for (name, value) in [("cache-control", "no-cache"), ("access-control-allow-origin", "*")] {
        ensure!(events.headers()[name].to_str()?.starts_with(value), "{name}: {:?}", events.headers()[name]);
    }
    let begin = news(&mut events).await?;
    assert_eq!((begin.name.as_str(), begin.id.as_deref()), ("subscribeSuccess", Some("0")));
    ensure!(events.retry.is_some(), "a client is told when to come back");
    let mut elsewhere = stranger.events(ALL, None).await?;

    let mut videos = Vec::new();
    for number in 0..2 {
        videos.push(json!(user.create(&format!("followed {number} [sim:duration=1]")).await?));
    }
    let told = until_completed(&mut events, 2).await?;
    ensure!(told.iter().all(|event| videos.contains(video(event)) && event.data["type"] == event.name.as_str()), "{told:?}");
    ensure!(told[0].name != "taskCompleted", "the first event waited for the last: {told:?}");
    let ids = told.iter().map(|event| Ok(event.id.as_deref().context("no id")?.parse::<u64>()?)).collect::<Result<Vec<_>>>()?;
    ensure!(ids.is_sorted() && ids[0] > 0, "{ids:?}");
    assert_eq!(told.last().map(|event| &event.data["eventId"]), Some(&json!(ids[ids.len() - 1].to_string())));

    // From every cut, everything that was missed, and nothing twice.
    until_stored(&platform, 2).await?;
    let seen = |cut: usize| if cut == 0 { begin.id.clone() } else { told[cut - 1].id.clone() };
    for cut in [0, 1, told.len() / 2, told.len() - 1] {
        let missed = newest(&told[cut..]);
        let mut resumed = user.events(ALL, seen(cut).as_deref()).await?;
        let heard = until_completed(&mut resumed, missed.len()).await?;
        assert_eq!((newest(&heard), heard.len()), (missed.clone(), missed.len()), "after {:?}", seen(cut));
        resumed.until("heartbeat").await?;
    }
    let mut resumed = user.events(ALL, seen(told.len()).as_deref()).await?;
    assert_eq!(news(&mut resumed).await?.name, "subscribeSuccess");
    for _ in 0..2 {
        assert_eq!(resumed.next().await?.context("a heartbeat")?.name, "heartbeat");
    }

    let mut lost = user.events(ALL, Some("yesterday")).await?;
    let resync = lost.until("resync").await?;
    let tasks = resync.data["payload"]["tasks"].as_array().context("tasks")?;
    assert_eq!(tasks.iter().map(|task| task["status"].as_str()).collect::<Vec<_>>(), [Some("completed"); 2]);
    ensure!(resync.id.is_some());

    assert_eq!(elsewhere.next().await?.context("a beginning")?.name, "subscribeSuccess");
    assert_eq!(elsewhere.next().await?.context("a heartbeat")?.name, "heartbeat", "nobody hears of another's tasks");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_followed_by_phase_and_status() -> Result<()> {
    let platform = platform().start().await?;
    let (user, stranger) = (platform.user().await?, platform.user().await?);
    let video_id = user.create("by phase [sim:duration=2]").await?;
    let path = one(&video_id);
    let mut events = user.events(&path, None).await?;
    let init = events.next().await?.context("task:init")?;
    assert_eq!((init.name.as_str(), &init.data["phase"]), ("task:init", &json!("MODEL_GENERATION")));
    assert_eq!(events.next().await?.context("status")?.name, "status");
    ensure!(events.until("heartbeat").await?.data["timestamp"].is_string());
    let mut statuses = Vec::new();
    while statuses.last().is_none_or(|status: &Event| status.data["phase"] != "COMPLETED") {
        statuses.push(events.until("status").await?);
    }
    let percents: Vec<u64> = statuses.iter().filter_map(|status| status.data["progress"].as_u64()).collect();
    ensure!(percents.is_sorted() && percents.len() > 2, "{percents:?}");
    let end = &statuses[statuses.len() - 1];
    assert_eq!(end.data, json!({ "phase": "COMPLETED", "status": "COMPLETED", "progress": 100 }));

    // Who comes back hears what is new, and not the whole again; who cannot go on begins anew.
    let mut resumed = user.events(&path, statuses[0].id.as_deref()).await?;
    assert_eq!(news(&mut resumed).await?.data["requestId"], init.data["id"]);
    assert_eq!(news(&mut resumed).await?.data, end.data);
    let mut seen = user.events(&path, end.id.as_deref()).await?;
    assert_eq!(seen.next().await?.context("a heartbeat")?.name, "heartbeat");
    let mut lost = user.events(&path, Some("9000000")).await?;
    assert_eq!(news(&mut lost).await?.name, "resync");
    assert_eq!(news(&mut lost).await?.data["status"], "COMPLETED");

    for path in [path.as_str(), "/api/tasks/nonsense/events"] {
        let refused = stranger.get(path).await?;
        assert_eq!((refused.status, &refused.body["code"]), (404, &json!("NOT_FOUND")), "{path}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_is_signed_in_follows_and_only_so_long() -> Result<()> {
    let platform = platform()
        .replicas(Service::Notifier, 1)
        .setting(Service::Auth, "sessions.access_token_seconds", 4)
        .setting(Service::Notifier, "websocket.max_connections_per_user", 2)
        .start()
        .await?;
    let (user, nobody) = (platform.user().await?, platform.nobody());
    for path in [ALL, "/api/events?access_token=nonsense", "/api/tasks/x/events"] {
        let refused = nobody.get(path).await?;
        assert_eq!((refused.status, &refused.body["code"]), (401, &json!("UNAUTHORIZED")), "{path}");
    }
    let login = user.post("/api/auth/login", json!({ "username": user.name(), "password": User::PASSWORD })).await?.ok()?;
    let short = login["accessToken"].as_str().context("accessToken")?;
    let in_query = format!("{ALL}?access_token={short}");
    let mut expiring = nobody.events(&in_query, None).await?;
    let mut open = user.events(ALL, None).await?;
    let full = user.get(ALL).await?;
    assert_eq!((full.status, &full.body["code"]), (429, &json!("RATE_LIMITED")));

    // A browser that comes back with a token that has expired is refused, and stops.
    let end = expiring.rest().await?.pop().context("an end")?;
    assert_eq!((end.name.as_str(), &end.data["payload"]["code"]), ("error", &json!("UNAUTHORIZED")));
    assert_eq!(nobody.get(&in_query).await?.status, 401);

    user.post("/api/auth/logout", Value::Null).await?.ok()?;
    let end = open.rest().await?.pop().context("an end")?;
    assert_eq!((end.name.as_str(), &end.data["payload"]["message"]), ("error", &json!("this session has ended")));

    for process in platform.processes() {
        ensure!(!fs::read_to_string(process.log())?.contains(short), "{} logs a token", process.name());
    }
    let access = fs::read_to_string(platform.directory().join("gateway/access.log"))?;
    ensure!(access.contains(ALL) && !access.contains(short), "the gateway logs a token, or nothing");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_with_its_replica_is_resumed_at_another() -> Result<()> {
    let mut platform = platform().start().await?;
    let user = platform.user().await?;
    let mut streams = Vec::new();
    for _ in 0..6 {
        let mut events = user.events(ALL, None).await?;
        events.until("subscribeSuccess").await?;
        streams.push((events.retry, events));
    }
    let video_id = json!(user.create("outlives its replica [sim:duration=4]").await?);
    for (_, events) in &mut streams {
        events.until("taskProgress").await?;
    }
    platform.process(Service::Notifier, 0)?.terminate().await?;
    let mut pauses = Vec::new();
    for (retry, mut events) in streams {
        let mut told = Vec::new();
        while let Some(event) = events.next().await? {
            let is_end = event.name == "taskCompleted";
            told.push(event);
            if is_end {
                break;
            }
        }
        if told.last().is_none_or(|event| event.name != "taskCompleted") {
            ensure!(events.retry != retry, "no new time to come back");
            pauses.push(events.retry.context("no time to come back")?);
            let mut resumed = eventually("another replica", Duration::from_secs(20), async || {
                user.events(ALL, events.last_id.as_deref()).await
            })
            .await?;
            told = until_completed(&mut resumed, 1).await?;
        }
        assert_eq!(told.last().map(video), Some(&video_id));
    }
    ensure!((1..6).contains(&pauses.len()), "{pauses:?} of the streams were at the replica");
    ensure!(pauses.iter().all(|pause| *pause <= Duration::from_secs(5)), "{pauses:?}");
    Ok(())
}
