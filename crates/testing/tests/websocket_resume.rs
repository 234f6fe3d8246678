//! A client that lost its connection resumes from the last event that it has seen, at whichever replica, and misses nothing.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use zoetrope_testing::{Frame, Platform, Service, Socket, User, eventually};

const PATIENCE: Duration = Duration::from_secs(30);

async fn platform(tasks: i64) -> Result<Platform> {
    Platform::builder()
        .replicas(Service::Notifier, 2)
        .setting(Service::TaskApi, "credits.signup_grant", 100 * tasks)
        .setting(Service::Notifier, "feed.prune_seconds", 1)
        .start()
        .await
}

fn replica(platform: &mut Platform, number: usize) -> Result<String> {
    Ok(platform.process(Service::Notifier, number)?.url())
}

fn number(event_id: Option<&String>) -> Result<u64> {
    Ok(event_id.context("no event id")?.parse()?)
}

/// The frames about tasks until so many have ended.
async fn until_ends(socket: &mut Socket, ends: usize) -> Result<Vec<Frame>> {
    let mut frames = Vec::new();
    let ended = |frames: &[Frame]| frames.iter().filter(|frame| is_end(frame)).count();
    while ended(&frames) < ends {
        frames.push(socket.next().await?);
    }
    Ok(frames)
}

fn is_end(frame: &Frame) -> bool {
    matches!(frame.kind.as_str(), "taskCompleted" | "taskFailed" | "taskCancelled")
}

/// Waits until the table knows of the ends of so many tasks.
async fn until_stored(platform: &Platform, ends: i64) -> Result<()> {
    let database = platform.database().await?;
    eventually("the ends in the table", PATIENCE, async || {
        let stored: i64 =
            database.query_one("SELECT count(*) FROM notifier.task_states WHERE status = 'completed'", &[]).await?.get(0);
        ensure!(stored == ends, "{stored}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_id_that_was_seen_can_be_resumed_from() -> Result<()> {
    let mut platform = platform(3).await?;
    let user = platform.user().await?;
    let mut socket = user.socket_at(&replica(&mut platform, 0)?).await?;
    let begin = socket.subscribe_user(None).await?;
    assert_eq!(begin.payload, json!({ "subscribed": true, "lastEventId": "0" }));
    for task in 0..3 {
        user.create(&format!("seen {task} [sim:duration=1]")).await?;
    }
    let frames = until_ends(&mut socket, 3).await?;
    until_stored(&platform, 3).await?;
    let ids = frames.iter().map(|frame| number(frame.event_id.as_ref())).collect::<Result<Vec<_>>>()?;
    assert!(ids.is_sorted() && ids[0] > 0, "{ids:?}");

    // What each cut leaves out: the newest state of every task that comes after it.
    let mut seen = vec!["0".to_owned()];
    seen.extend(frames.iter().filter_map(|frame| frame.event_id.clone()));
    let mut cuts: Vec<(usize, String)> = seen.into_iter().enumerate().collect();
    // A few are enough, the first and the last among them.
    let last = cuts.len() - 1;
    cuts.retain(|(cut, _)| *cut == 0 || *cut >= last - 1 || cut % 3 == 0);
    for (cut, id) in cuts {
        let mut resumed = user.socket_at(&replica(&mut platform, cut % 2)?).await?;
        resumed.subscribe_user(Some(&id)).await?;
        let told = resumed.pending().await?;
        let missed: BTreeMap<String, bool> = frames[cut..].iter().map(|frame| (video(frame), is_end(frame))).collect();
        let heard: BTreeMap<String, bool> = told.iter().map(|frame| (video(frame), is_end(frame))).collect();
        assert_eq!(heard, missed, "after {id}");
        assert_eq!(told.len(), heard.len(), "each once, after {id}");
    }
    Ok(())
}

fn video(frame: &Frame) -> String {
    frame.payload["videoId"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_replica_costs_nothing_but_its_connections() -> Result<()> {
    let mut platform = platform(2).await?;
    let user = platform.user().await?;
    let mut followed = user.socket_at(&replica(&mut platform, 0)?).await?;
    let video_id = user.create("outlives its replica [sim:duration=3]").await?;
    followed.subscribe(&video_id).await?;
    let seen = loop {
        let frame = followed.next_of(&video_id).await?;
        if frame.payload["progress"].as_u64() > Some(0) {
            break frame.event_id.context("no event id")?;
        }
    };
    platform.process(Service::Notifier, 0)?.kill()?;
    let mut all = user.socket_at(&replica(&mut platform, 1)?).await?;
    all.subscribe_user(Some(&seen)).await?;
    let mut one = user.socket_at(&replica(&mut platform, 1)?).await?;
    one.send("subscribe_task", json!({ "videoId": video_id, "lastEventId": seen })).await?;
    assert_eq!(until_ends(&mut all, 1).await?.last().map(video), Some(video_id.clone()));
    one.until(&video_id, "taskCompleted").await?;

    // What ends while nobody listens anywhere is heard afterwards.
    let missed = user.create("ends unheard").await?;
    platform.process(Service::Notifier, 1)?.kill()?;
    user.until_ended(&missed).await?;
    for number in [0, 1] {
        let notifier = platform.process(Service::Notifier, number)?;
        notifier.start()?;
        notifier.ready().await?;
    }
    let mut back = user.socket_at(&replica(&mut platform, 0)?).await?;
    back.subscribe_user(Some(&seen)).await?;
    let ends = until_ends(&mut back, 2).await?;
    assert_eq!(ends.last().map(video), Some(missed));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_gone_on_from_begins_anew() -> Result<()> {
    let mut platform = platform(2).await?;
    let user = platform.user().await?;
    let mut socket = user.socket().await?;
    socket.subscribe_user(None).await?;
    let forgotten = user.create("forgotten").await?;
    let ended = until_ends(&mut socket, 1).await?.pop().context("an end")?.event_id.context("no event id")?;
    let open = user.create("still open [sim:duration=120]").await?;
    let newest = loop {
        let frame = socket.next().await?;
        if frame.payload["externalVideoId"].is_string() {
            break frame.event_id.context("no event id")?;
        }
    };
    until_stored(&platform, 1).await?;

    // Nonsense, and more than there is.
    for id in ["yesterday", "", "-1", "9000000"] {
        let resync = resync(&user, id).await?;
        assert_eq!(videos(&resync), [forgotten.as_str(), open.as_str()], "after {id:?}");
        assert_eq!(resync.payload["tasks"][0]["status"], "completed");
        assert!(number(resync.event_id.as_ref())? >= newest.parse::<u64>()?);
        let mut one = user.socket().await?;
        one.send("subscribe_task", json!({ "videoId": open, "lastEventId": id })).await?;
        assert_eq!(one.next().await?.kind, "subscribeSuccess");
        let resync = one.next().await?;
        assert_eq!((resync.kind.as_str(), &resync.payload["videoId"]), ("resync", &json!(open)));
        assert_eq!(videos(&resync), [open.as_str()]);
    }

    // What ended is forgotten: whoever has not seen it must begin anew, whoever has need not.
    let database = platform.database().await?;
    database
        .batch_execute("UPDATE notifier.task_states SET updated_at = now() - interval '31 days' WHERE status = 'completed'")
        .await?;
    until_stored(&platform, 0).await?;
    for number in [0, 1] {
        // What a replica remembers is as good as the table.
        platform.crash(Service::Notifier, number).await?;
    }
    assert_eq!(videos(&resync(&user, "0").await?), [open.as_str()]);
    let mut socket = user.socket().await?;
    assert_eq!(socket.subscribe_user(Some(&ended)).await?.kind, "subscribeSuccess");
    let told = socket.pending().await?;
    assert!(!told.is_empty() && told.iter().all(|frame| video(frame) == open), "{told:?}");

    // Flat frames do the same.
    let mut flat = Socket::open(&platform).await?;
    flat.next().await?;
    flat.send_raw(json!({ "type": "auth", "token": user.token(), "lastEventId": "0" })).await?;
    assert_eq!(flat.next().await?.kind, "auth_success");
    let resync = flat.next().await?;
    assert_eq!((resync.kind.as_str(), &resync.raw["tasks"][0]["type"]), ("resync", &json!("task_progress")));
    assert!(resync.event_id.is_some());
    Ok(())
}

/// Resumes from an id that leads nowhere.
async fn resync(user: &User, id: &str) -> Result<Frame> {
    let mut socket = user.socket().await?;
    assert_eq!(socket.subscribe_user(Some(id)).await?.payload["lastEventId"], Value::Null);
    let resync = socket.next().await?;
    ensure!(resync.kind == "resync", "{}", resync.raw);
    Ok(resync)
}

fn videos(resync: &Frame) -> Vec<&str> {
    let tasks = resync.payload["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    tasks.iter().filter_map(|task| task["videoId"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_resumes_what_another_owns() -> Result<()> {
    let platform = platform(2).await?;
    let (owner, stranger) = (platform.user().await?, platform.user().await?);
    let video_id = owner.create("private").await?;
    owner.until_ended(&video_id).await?;
    until_stored(&platform, 1).await?;
    for id in ["0", "nonsense"] {
        let mut socket = stranger.socket().await?;
        let begin = socket.subscribe_user(Some(id)).await?;
        socket.send("subscribe_task", json!({ "videoId": video_id, "lastEventId": id })).await?;
        let mut refused = socket.next().await?;
        if refused.kind == "resync" {
            assert_eq!((begin.payload["lastEventId"].clone(), videos(&refused).len()), (Value::Null, 0));
            refused = socket.next().await?;
        }
        assert_eq!((refused.kind.as_str(), &refused.payload["code"]), ("error", &json!("NOT_FOUND")), "{}", refused.raw);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_replica_that_stops_are_asked_to_come_back() -> Result<()> {
    let mut platform = platform(2).await?;
    let user = platform.user().await?;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(user.socket_at(&replica(&mut platform, 0)?).await?);
    }
    let mut anonymous = Socket::connect(&replica(&mut platform, 0)?).await?;
    anonymous.next().await?;
    platform.process(Service::Notifier, 0)?.terminate().await?;
    let mut pauses = Vec::new();
    for mut socket in sockets {
        let reconnect = socket.next().await?;
        assert_eq!(reconnect.kind, "reconnect");
        pauses.push(reconnect.payload["retryAfterMs"].as_u64().context("retryAfterMs")?);
        assert_eq!(socket.closed().await?, Some(1012));
    }
    assert_eq!(anonymous.next().await?.kind, "reconnect");
    pauses.sort_unstable();
    assert!(pauses.last() <= Some(&5000) && pauses.first() < pauses.last(), "{pauses:?}");
    Ok(())
}
