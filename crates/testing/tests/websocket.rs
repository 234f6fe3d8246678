//! `/ws` as its clients know it: both dialects, the order of frames, and how connections end.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use zoetrope_testing::{Platform, Service, Socket, User};

#[tokio::test(flavor = "multi_thread")]
async fn auth_and_subscribe_in_one_breath() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let video_id = user.create("in one breath [sim:duration=1]").await?;

    let mut socket = Socket::open(&platform).await?;
    let connected = socket.next().await?;
    assert_eq!(connected.kind, "connected");
    assert!(connected.payload["connectionId"].as_str().unwrap().starts_with("ws_"));
    assert_eq!(connected.payload["capabilities"], json!(["task_progress", "realtime_updates"]));
    assert!(connected.raw["timestamp"].as_u64().unwrap() > 1_700_000_000_000);

    socket.send_raw(json!({ "type": "auth", "id": "auth-1", "timestamp": 1, "payload": { "token": user.token() } })).await?;
    socket
        .send_raw(json!({ "type": "subscribe_task", "id": "sub-1", "timestamp": 2, "payload": { "videoId": video_id } }))
        .await?;
    let authenticated = socket.next().await?;
    assert_eq!((authenticated.kind.as_str(), &authenticated.raw["id"]), ("authSuccess", &json!("auth-1")));
    assert_eq!(authenticated.payload["username"], user.name());
    assert!(authenticated.payload["expiresAt"].as_u64().unwrap() > 1_700_000_000_000);
    let subscribed = socket.next().await?;
    assert_eq!((subscribed.kind.as_str(), &subscribed.raw["id"]), ("subscribeSuccess", &json!("sub-1")));
    assert_eq!((&subscribed.payload["videoId"], &subscribed.payload["subscribed"]), (&json!(video_id), &json!(true)));
    assert_eq!(socket.next().await?.kind, "taskStatus");
    let completed = socket.until(&video_id, "taskCompleted").await?;
    assert_eq!(completed["progress"], 100);

    // A late subscriber learns the end at once.
    let mut late = user.socket().await?;
    late.subscribe(&video_id).await?;
    assert_eq!(late.next_of(&video_id).await?.payload["status"], "completed");

    late.send("requestTaskStatus", json!({ "videoId": video_id })).await?;
    let status = late.next().await?;
    assert_eq!((status.kind.as_str(), &status.payload["status"]), ("taskUpdated", &json!("COMPLETED")));
    assert!(status.payload["videoUrl"].is_string());
    late.send("unsubscribe_task", json!({ "videoId": video_id })).await?;
    assert_eq!(late.next().await?.kind, "unsubscribeSuccess");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flat_dialect_hears_all_own_tasks() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let mut socket = Socket::open(&platform).await?;
    assert_eq!(socket.next().await?.kind, "connected");
    socket.send_raw(json!({ "type": "auth", "token": user.token() })).await?;
    assert_eq!(socket.next().await?.kind, "auth_success");

    user.create("flat [sim:duration=1]").await?;
    let mut kinds = Vec::new();
    loop {
        let frame = socket.next().await?;
        assert!(frame.raw["payload"].is_null(), "{}", frame.raw);
        assert!(frame.raw["task_id"].is_string(), "{}", frame.raw);
        kinds.push(frame.kind.clone());
        if frame.kind == "task_complete" {
            break;
        }
    }
    assert!(kinds.iter().any(|kind| kind == "task_progress"), "{kinds:?}");
    socket.send_raw(json!({ "type": "ping" })).await?;
    assert_eq!(socket.next().await?.kind, "pong");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_and_silence_are_shown_out() -> Result<()> {
    let platform = Platform::builder()
        .setting(Service::Notifier, "websocket.auth_timeout_seconds", 0.5)
        .setting(Service::Notifier, "websocket.silence_timeout_seconds", 1.5)
        .start()
        .await?;
    let mut forged = Socket::open(&platform).await?;
    forged.next().await?;
    forged.send("auth", json!({ "token": "forged" })).await?;
    let refused = forged.next().await?;
    assert_eq!(refused.kind, "authFailed");
    assert!(refused.payload["error"].is_string());
    assert_eq!(forged.closed().await?, Some(4401));

    let mut mute = Socket::open(&platform).await?;
    mute.next().await?;
    assert_eq!(mute.next().await?.kind, "authFailed");
    assert_eq!(mute.closed().await?, Some(4401));

    let user = platform.user().await?;
    let mut silent = user.socket().await?;
    tokio::time::timeout(Duration::from_secs(10), silent.closed()).await.context("a silent connection stays open")??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_answered_and_survived() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;

    let mut early = Socket::open(&platform).await?;
    early.next().await?;
    early.send("subscribe_task", json!({ "videoId": "video_x" })).await?;
    assert_eq!(early.next().await?.kind, "error");

    let mut socket = user.socket().await?;
    for frame in ["not json", "[]", "{}", "{\"type\":7}", "{\"type\":\"dance\"}", "{\"type\":\"subscribe_task\"}"] {
        socket.send_text(frame).await?;
        assert_eq!(socket.next().await?.kind, "error", "{frame}");
    }
    socket.send("subscribe_task", json!({ "videoId": "video_nonsense" })).await?;
    assert_eq!(socket.next().await?.kind, "error");
    socket.send("ping", Value::Null).await?;
    assert_eq!(socket.next().await?.kind, "pong");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_during_a_stream_is_renewed_or_ends_it() -> Result<()> {
    let platform = Platform::builder()
        .setting(Service::Auth, "sessions.access_token_seconds", 4)
        .setting(Service::Notifier, "websocket.renewal_seconds", 2)
        .start()
        .await?;
    let user = platform.user().await?;
    let login = user.post("/api/auth/login", json!({ "username": user.name(), "password": User::PASSWORD })).await?.ok()?;
    let short = user.with_token(login["accessToken"].as_str().context("accessToken")?);
    let (mut renewed, mut forgotten) = (short.socket().await?, short.socket().await?);
    for socket in [&mut renewed, &mut forgotten] {
        socket.subscribe_user(None).await?;
    }
    for socket in [&mut renewed, &mut forgotten] {
        assert_eq!(socket.next().await?.kind, "authExpired");
    }
    renewed.send("auth", json!({ "token": user.token() })).await?;
    assert_eq!(renewed.next().await?.kind, "authSuccess");
    assert_eq!(forgotten.next().await?.kind, "authFailed");
    assert_eq!(forgotten.closed().await?, Some(4401));

    let video_id = user.create("after the renewal").await?;
    renewed.until(&video_id, "taskCompleted").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_tell_the_same() -> Result<()> {
    let platform = Platform::builder().replicas(Service::Notifier, 2).replicas(Service::TaskApi, 2).start().await?;
    let user = platform.user().await?;
    // The gateway spreads connections over the replicas.
    let mut sockets = Vec::new();
    for _ in 0..4 {
        sockets.push(user.socket().await?);
    }
    let video_id = user.create("told by both [sim:duration=1]").await?;
    for socket in &mut sockets {
        socket.subscribe(&video_id).await?;
    }
    for socket in &mut sockets {
        socket.until(&video_id, "taskCompleted").await?;
    }
    Ok(())
}
