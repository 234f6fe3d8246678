//! API keys: made, used at every service within their scopes, and refused everywhere within two seconds of their end.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::time::timeout;
use zoetrope_testing::{Platform, Service, Socket, User, eventually};

/// How soon an end is known everywhere.
const SOON: Duration = Duration::from_secs(2);

struct Key {
    id: String,
    text: String,
    /// The user as a program that holds the key.
    program: User,
}

async fn key(user: &User, wish: Value) -> Result<Key> {
    let made = user.post("/api/keys", wish).await?;
    ensure!(made.status == 201, "{}: {}", made.status, made.body);
    let text = made.body["data"]["key"].as_str().context("key")?.to_owned();
    let id = made.body["data"]["id"].as_str().context("id")?.to_owned();
    Ok(Key { id, program: user.with_token(&text), text })
}

async fn status(user: &User, route: &str) -> Result<u16> {
    Ok(user.get(route).await?.status)
}

async fn refused_soon(program: &User) -> Result<()> {
    eventually("the end of the key everywhere", SOON, async || {
        for route in ["/api/auth/me", "/api/video/tasks", "/api/webhooks"] {
            let seen = status(program, route).await?;
            ensure!(seen == 401, "{route}: {seen}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_taken_where_a_token_is_taken() -> Result<()> {
    let platform = Platform::start().await?;
    let (user, stranger) = (platform.user().await?, platform.user().await?);
    let key = key(&user, json!({ "name": "build server" })).await?;
    assert!(key.text.starts_with("sk-") && key.text.len() > 40, "{}", key.text.len());

    let list = user.get("/api/keys").await?.ok()?;
    let card = &list["data"]["keys"][0];
    assert_eq!((&card["name"], &card["scopes"]), (&json!("build server"), &json!(["read", "write", "webhooks"])));
    assert!(key.text.starts_with(card["prefix"].as_str().context("prefix")?));
    assert_eq!((&card["lastUsedAt"], &card["expiresAt"]), (&Value::Null, &Value::Null));
    assert!(!list.to_string().contains(&key.text), "the key is shown twice");
    assert_eq!(stranger.get("/api/keys").await?.ok()?["data"]["keys"], json!([]));

    // At once, everywhere, and as the user.
    let me = key.program.get("/api/auth/me").await?.ok()?;
    assert_eq!(me["data"]["user"]["username"], user.name());
    let video_id = key.program.create("made by a program").await?;
    let mut socket = key.program.socket().await?;
    socket.subscribe(&video_id).await?;
    socket.until(&video_id, "taskCompleted").await?;
    let mut events = key.program.events(&format!("/api/v1/videos/{video_id}/events"), None).await?;
    ensure!(!events.rest().await?.is_empty());
    assert_eq!(user.task(&video_id).await?["status"], "COMPLETED");
    assert_eq!(status(&key.program, "/api/webhooks").await?, 200);
    let verified = platform.nobody().post("/api/auth/verify", json!({ "token": key.text })).await?.ok()?;
    assert_eq!(verified["data"]["username"], user.name());

    eventually("the last use", Duration::from_secs(20), async || {
        let list = user.get("/api/keys").await?.ok()?;
        ensure!(list["data"]["keys"][0]["lastUsedAt"].is_string(), "{list}");
        Ok(())
    })
    .await?;

    // What is kept of it lets nobody in.
    let database = platform.database().await?;
    let kept: String = database.query_one("SELECT string_agg(k::text, ' ') FROM auth.api_keys k", &[]).await?.get(0);
    assert!(kept.contains(&key.id) && !kept.contains(&key.text));
    for process in platform.processes() {
        let log = std::fs::read_to_string(process.log())?;
        assert!(!log.contains(&key.text), "{} logs the key", process.name());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_scopes_say() -> Result<()> {
    // Nothing is submitted, so that a task can be cancelled.
    let builder = Platform::builder().replicas(Service::Poller, 0).replicas(Service::ProviderSim, 0);
    let platform = builder.setting(Service::TaskApi, "credits.signup_grant", 1_000).start().await?;
    let user = platform.user().await?;
    let reader = key(&user, json!({ "name": "reader", "scopes": ["read"] })).await?.program;
    let writer = key(&user, json!({ "name": "writer", "scopes": ["write"] })).await?.program;
    let hooks = key(&user, json!({ "name": "hooks", "scopes": ["webhooks"] })).await?.program;

    let task = json!({ "prompt": "a boat", "model": "sora-2" });
    assert_eq!((status(&reader, "/api/video/tasks").await?, status(&writer, "/api/video/tasks").await?), (200, 403));
    let refused = reader.post("/api/video/tasks", task.clone()).await?;
    assert_eq!((refused.status, &refused.body["code"]), (403, &json!("FORBIDDEN")));
    assert_eq!(writer.post("/api/video/tasks", task).await?.status, 201);
    for (program, seen) in [(&reader, 403), (&writer, 403), (&hooks, 200)] {
        assert_eq!(status(program, "/api/webhooks").await?, seen);
        assert_eq!(status(program, "/api/webhooks/callback-secret").await?, seen);
    }
    assert_eq!((status(&reader, "/api/auth/me").await?, status(&hooks, "/api/auth/me").await?), (200, 403));
    reader.socket().await?;
    let mut socket = Socket::open(&platform).await?;
    ensure!(socket.next().await?.kind == "connected");
    socket.send("auth", json!({ "token": writer.token() })).await?;
    assert_eq!(socket.next().await?.kind, "authFailed");

    // Whoever may only write is told nothing that it did not send, whichever way it asks.
    let private = json!({ "prompt": "a very private prompt", "model": "sora-2", "clientRequestId": "mine" });
    let private_task = user.post("/api/video/tasks", private).await?.ok()?;
    let path = format!("/api/video/tasks/{}", private_task["data"]["videoId"].as_str().context("videoId")?);
    let ids = json!({ "clientRequestIds": ["mine"] });
    let body = json!({ "prompt": "a very private prompt" });
    for (route, body) in [
        ("/api/video/tasks/recover", ids.clone()),
        (&format!("{path}/refresh-url"), Value::Null),
        ("/api/videos/generate-stream", body.clone()),
        ("/videos/generate-stream", body),
    ] {
        let refused = writer.post(route, body).await?;
        assert_eq!((refused.status, &refused.body["message"]), (403, &json!("this API key lacks the scope read")), "{route}");
    }
    assert_eq!(reader.post("/api/video/tasks/recover", ids).await?.ok()?["data"]["matched"], 1);
    let cancelled = writer.post(&format!("{path}/cancel"), Value::Null).await?;
    assert_eq!((cancelled.status, &cancelled.body["data"]["status"]), (200, &json!("CANCELLED")), "{}", cancelled.body);
    let told: Vec<&String> = cancelled.body["data"].as_object().context("data")?.keys().collect();
    assert_eq!(told, ["status", "videoId"], "{}", cancelled.body);
    let cancelled = user.create("another").await?;
    let seen = user.post(&format!("/api/video/tasks/{cancelled}/cancel"), Value::Null).await?.ok()?;
    assert_eq!(seen["data"]["prompt"], "another", "who may see it is told");

    // A key makes no keys, and ends no sessions.
    let all = key(&user, json!({ "name": "all" })).await?;
    assert_eq!(all.program.post("/api/keys", json!({ "name": "another" })).await?.status, 403);
    assert_eq!(all.program.delete(&format!("/api/keys/{}", all.id)).await?.status, 403);
    assert_eq!(all.program.delete("/api/auth/sessions").await?.status, 403);
    for route in ["/api/keys", "/api/auth/sessions"] {
        assert_eq!(status(&all.program, route).await?, 403, "{route}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_or_expired_key_is_refused_everywhere() -> Result<()> {
    let platform = Platform::builder().replicas(Service::TaskApi, 2).start().await?;
    let (user, stranger) = (platform.user().await?, platform.user().await?);
    let revoked = key(&user, json!({ "name": "revoked" })).await?;
    let expires_at = (Utc::now() + TimeDelta::seconds(3)).to_rfc3339();
    let expiring = key(&user, json!({ "name": "expiring", "expiresAt": expires_at })).await?;
    let mut socket = revoked.program.socket().await?;
    for program in [&revoked.program, &expiring.program] {
        assert_eq!(status(program, "/api/video/tasks").await?, 200);
    }

    let path = format!("/api/keys/{}", revoked.id);
    assert_eq!(stranger.delete(&path).await?.status, 404);
    user.delete(&path).await?.ok()?;
    let (refused, closed) = tokio::join!(refused_soon(&revoked.program), timeout(SOON, socket.next()));
    refused?;
    assert_eq!(closed.context("the connection is still open")??.kind, "authFailed");
    assert_eq!(user.delete(&path).await?.status, 404);

    eventually("the expiry of the key", Duration::from_secs(5), async || {
        ensure!(status(&expiring.program, "/api/video/tasks").await? == 401);
        Ok(())
    })
    .await?;
    refused_soon(&expiring.program).await?;

    // What was never a key, and another secret with a known id.
    let good = key(&user, json!({ "name": "good" })).await?;
    assert_eq!(status(&good.program, "/api/video/tasks").await?, 200);
    let (id, secret) = (&good.text[..25], &revoked.text[25..]);
    for noise in ["sk-", "sk-nonsense", &revoked.text[..30], &format!("{id}{secret}")] {
        assert_eq!(status(&user.with_token(noise), "/api/video/tasks").await?, 401, "{noise}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_made_is_refused_by_field() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": " " }), "name"),
        (json!({ "name": "x", "scopes": [] }), "scopes"),
        (json!({ "name": "x", "scopes": ["admin"] }), "scopes"),
        (json!({ "name": "x", "expiresAt": "2020-01-01T00:00:00Z" }), "expiresAt"),
        (json!({ "name": "x", "expiresAt": "soon" }), "expiresAt"),
    ] {
        let answer = user.post("/api/keys", body.clone()).await?;
        assert_eq!((answer.status, &answer.body["errors"][0]["field"]), (400, &json!(field)), "{body}: {}", answer.body);
    }
    assert_eq!(user.delete("/api/keys/00000000-0000-4000-8000-000000000000").await?.status, 404);
    Ok(())
}
