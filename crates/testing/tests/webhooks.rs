//! What users are told at addresses of their own, and what they can do about it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use zoetrope_testing::{Hook, Platform, PlatformBuilder, Reply, Service, Sink, User, eventually};

const PATIENCE: Duration = Duration::from_secs(30);

/// A platform that may call this machine.
fn builder() -> PlatformBuilder {
    Platform::builder().receivers_here().setting(Service::TaskApi, "credits.signup_grant", 10_000)
}

async fn run(user: &User, prompt: &str) -> Result<String> {
    let video_id = user.create(prompt).await?;
    user.until_ended(&video_id).await?;
    Ok(video_id)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_task_arrives_once_and_signed() -> Result<()> {
    let platform = builder().replicas(Service::Notifier, 2).start().await?;
    let (user, sink) = (platform.user().await?, Sink::start()?);
    let ends = Hook::create(&user, json!({ "url": sink.url("/ends") })).await?;
    let failures = Hook::create(&user, json!({ "url": sink.url("/failures"), "events": ["task.failed"] })).await?;
    let all = ["task.created", "task.updated", "task.completed", "task.failed", "task.cancelled"];
    let everything = Hook::create(&user, json!({ "url": sink.url("/everything"), "events": all })).await?;

    let completed = run(&user, "a secret garden").await?;
    let told = sink.until("/ends", 1).await?.remove(0);
    assert!(told.is_signed_with(&ends.secret) && !told.is_signed_with(&failures.secret), "{told:?}");
    assert_eq!((told.kind().as_str(), told.header("content-type")), ("task.completed", "application/json"));
    let data = told.json()["data"].clone();
    assert_eq!((&data["id"], &data["status"], &data["progress"]), (&json!(completed), &json!("COMPLETED"), &json!(100)));
    assert_eq!((&data["model"], &data["error"]), (&json!("sora-2"), &Value::Null));
    assert!(!String::from_utf8_lossy(&told.body).contains("secret garden"), "{told:?}");
    let video = reqwest::get(data["videoUrl"].as_str().context("videoUrl")?).await?.error_for_status()?;
    assert_eq!(video.bytes().await?.len() as u64, data["fileSize"].as_u64().unwrap_or_default());

    let failed = run(&user, "nothing [sim:fail=no luck]").await?;
    let told = sink.until("/failures", 1).await?.remove(0);
    assert!(told.is_signed_with(&failures.secret));
    assert_eq!((told.kind(), &told.json()["data"]["id"]), ("task.failed".to_owned(), &json!(failed)));
    assert!(told.json()["data"]["error"]["code"].is_string(), "{told:?}");

    // The last of all that there is to tell; until then nothing came twice.
    eventually("both ends", PATIENCE, async || {
        let kinds: Vec<String> = sink.received("/everything").iter().map(|told| told.kind()).collect();
        ensure!(kinds.contains(&"task.completed".to_owned()) && kinds.contains(&"task.failed".to_owned()), "{kinds:?}");
        Ok(())
    })
    .await?;
    sink.until("/ends", 2).await?;
    let everything_told = sink.received("/everything");
    assert_eq!(everything_told.iter().filter(|told| told.kind() == "task.created").count(), 2, "{everything_told:?}");
    assert!(everything_told.iter().all(|told| told.is_signed_with(&everything.secret)));
    for path in ["/ends", "/failures", "/everything"] {
        let mut ids: Vec<String> = sink.received(path).iter().map(|told| told.header("webhook-id").to_owned()).collect();
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "{path}");
    }
    assert_eq!((sink.received("/ends").len(), sink.received("/failures").len()), (2, 1));

    let delivery = ends.until(&user, "DELIVERED").await?;
    let attempt = &delivery["attempts"][0];
    assert_eq!((&delivery["videoId"], &attempt["statusCode"], &attempt["error"]), (&json!(failed), &json!(204), &Value::Null));
    let shown = ends.show(&user).await?;
    assert!(shown.get("secret").is_none() && shown["enabled"] == true, "{shown}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_signs_beside_the_new_one() -> Result<()> {
    let platform = builder().setting(Service::Notifier, "webhooks.secret_overlap_seconds", 3).start().await?;
    let (user, sink) = (platform.user().await?, Sink::start()?);
    let hook = Hook::create(&user, json!({ "url": sink.url("/hook") })).await?;
    let rotated = user.post(&format!("{}/rotate-secret", hook.path), Value::Null).await?.ok()?;
    let new = rotated["data"]["secret"].as_str().context("secret")?.to_owned();
    assert_ne!(new, hook.secret);

    hook.test(&user).await?;
    let both = sink.until("/hook", 1).await?.remove(0);
    assert!(both.is_signed_with(&hook.secret) && both.is_signed_with(&new), "{both:?}");
    assert_eq!((both.header("webhook-signature").split(' ').count(), both.kind().as_str()), (2, "webhook.test"));
    eventually("the end of the old secret", PATIENCE, async || {
        let seen = sink.received("/hook").len();
        hook.test(&user).await?;
        let told = sink.until("/hook", seen + 1).await?.pop().context("no test")?;
        ensure!(told.is_signed_with(&new) && !told.is_signed_with(&hook.secret), "{told:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_can_be_told_again() -> Result<()> {
    let platform = builder().setting(Service::Notifier, "webhooks.retry_seconds", Vec::<f64>::new()).start().await?;
    let (user, sink) = (platform.user().await?, Sink::start()?);
    let begin = Utc::now() - TimeDelta::minutes(1);
    let hook = Hook::create(&user, json!({ "url": sink.url("/hook") })).await?;
    Hook::create(&user, json!({ "url": sink.url("/marker") })).await?;
    let first = run(&user, "told at once").await?;
    let told = sink.until("/hook", 1).await?.remove(0);
    let delivery = hook.until(&user, "DELIVERED").await?;

    // The same message, whatever came of it.
    let resend = format!("{}/deliveries/{}/resend", hook.path, delivery["id"].as_str().context("id")?);
    assert_eq!(user.post(&resend, Value::Null).await?.status, 202);
    let again = sink.until("/hook", 2).await?.remove(1);
    assert_eq!(again.header("webhook-id"), told.header("webhook-id"));
    assert!(again.is_signed_with(&hook.secret));

    // One that fails, and one that the hook misses because it is disabled.
    sink.answer("/hook", Reply::status(500));
    let second = run(&user, "told in vain").await?;
    hook.until(&user, "FAILED").await?;
    user.patch(&hook.path, json!({ "enabled": false })).await?.ok()?;
    let third = run(&user, "told to nobody").await?;
    // Its end has been heard of when another hook is told.
    eventually("the end that the hook misses", PATIENCE, async || {
        ensure!(sink.received("/marker").iter().any(|told| told.json()["data"]["id"] == json!(third)));
        Ok(())
    })
    .await?;
    assert_eq!(user.post(&resend, Value::Null).await?.status, 409);
    sink.answer("/hook", Reply::status(204));
    user.patch(&hook.path, json!({ "enabled": true })).await?.ok()?;

    let replay = format!("{}/replay", hook.path);
    let refused = user.post(&replay, json!({ "to": "soon" })).await?;
    assert_eq!((refused.status, refused.body["errors"].as_array().map(Vec::len)), (400, Some(2)), "{}", refused.body);
    let before = sink.received("/hook").len();
    let failed = user.post(&replay, json!({ "from": begin, "failedOnly": true })).await?;
    assert_eq!((failed.status, &failed.body["data"]["deliveries"]), (202, &json!(1)), "{}", failed.body);
    let received = sink.until("/hook", before + 1).await?;
    assert_eq!(received[before].json()["data"]["id"], json!(second));
    hook.until(&user, "DELIVERED").await?;

    let all = user.post(&replay, json!({ "from": begin })).await?.ok()?;
    assert_eq!(all["data"]["deliveries"], 3);
    let received = sink.until("/hook", before + 4).await?;
    let mut ids: Vec<Value> = received[before + 1..].iter().map(|told| told.json()["data"]["id"].clone()).collect();
    ids.sort_by_key(Value::to_string);
    let mut expected = [first, second, third].map(Value::from);
    expected.sort_by_key(Value::to_string);
    assert_eq!(ids, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_brings_its_own_address() -> Result<()> {
    let platform = builder().start().await?;
    let (user, sink) = (platform.user().await?, Sink::start()?);
    let body = json!({ "prompt": "call me", "model": "sora-2", "callbackUrl": sink.url("/done?job=7") });
    let created = user.post_with_key("/api/video/tasks", &body, "once").await?.ok()?;
    let video_id = created["data"]["videoId"].as_str().context("videoId")?;
    user.post_with_key("/api/video/tasks", &body, "once").await?.ok()?;
    let told = sink.until("/done", 1).await?.remove(0);
    let secret = user.get("/api/webhooks/callback-secret").await?.ok()?["data"]["secret"].as_str().context("secret")?.to_owned();
    assert!(told.is_signed_with(&secret), "{told:?}");
    assert_eq!((told.kind(), &told.json()["data"]["id"]), ("task.completed".to_owned(), &json!(video_id)));

    let told_first = told;
    let rotated = user.post("/api/webhooks/callback-secret/rotate", Value::Null).await?.ok()?;
    let new = rotated["data"]["secret"].as_str().context("secret")?;
    let form = reqwest::multipart::Form::new().text("prompt", "x").text("model", "sora-2").text("callbackUrl", sink.url("/form"));
    user.post_form("/api/video/tasks", form).await?.ok()?;
    let told = sink.until("/form", 1).await?.remove(0);
    assert!(told.is_signed_with(&secret) && told.is_signed_with(new), "{told:?}");
    assert_eq!(sink.received("/done").len(), 1);

    // What was told there is listed as for a webhook, and can be told again.
    let list = async |query: &str| -> Result<Vec<Value>> {
        let list = user.get(&format!("/api/webhooks/callback-deliveries{query}")).await?.ok()?["data"].clone();
        let deliveries = list["deliveries"].as_array().context("deliveries")?.clone();
        assert_eq!((&list["total"], &list["page"]), (&json!(deliveries.len()), &json!(1)), "{list}");
        Ok(deliveries)
    };
    let all = eventually("both deliveries", PATIENCE, async || {
        let all = list("").await?;
        ensure!(all.len() == 2 && all.iter().all(|delivery| delivery["status"] == "DELIVERED"), "{all:?}");
        Ok(all)
    })
    .await?;
    assert_eq!(all[0]["callbackUrl"], json!(sink.url("/form")), "the newest first");
    let done = list(&format!("?videoId={video_id}&status=DELIVERED")).await?.remove(0);
    assert_eq!((&done["videoId"], &done["callbackUrl"]), (&json!(video_id), &json!(sink.url("/done?job=7"))), "{done}");
    assert_eq!((&done["type"], &done["attempts"][0]["statusCode"]), (&json!("task.completed"), &json!(204)), "{done}");
    assert!(list("?status=FAILED").await?.is_empty());
    assert!(!all.iter().any(|delivery| delivery.to_string().contains("whsec_")), "{all:?}");
    let path = format!("/api/webhooks/callback-deliveries/{}", done["id"].as_str().context("id")?);
    assert_eq!(user.get(&path).await?.ok()?["data"], done);
    assert_eq!(user.post(&format!("{path}/resend"), Value::Null).await?.status, 202);
    let again = sink.until("/done", 2).await?.remove(1);
    assert_eq!(again.header("webhook-id"), told_first.header("webhook-id"));
    assert_eq!(again.header("webhook-id"), done["webhookId"]);
    assert!(again.is_signed_with(new), "{again:?}");

    // It is nobody else's, and no webhook's.
    let stranger = platform.user().await?;
    assert_eq!(stranger.get("/api/webhooks/callback-deliveries").await?.ok()?["data"]["total"], 0);
    let hook = Hook::create(&user, json!({ "url": sink.url("/hook") })).await?;
    let test = hook.test(&user).await?;
    let of_hook = format!("/api/webhooks/callback-deliveries/{test}");
    for (who, path) in [(&stranger, &path), (&user, &of_hook)] {
        assert_eq!(who.get(path).await?.status, 404, "{path}");
        assert_eq!(who.post(&format!("{path}/resend"), Value::Null).await?.status, 404, "{path}");
    }
    let other = format!("{}/deliveries/{}/resend", hook.path, done["id"].as_str().context("id")?);
    assert_eq!(user.post(&other, Value::Null).await?.status, 404);
    let key = user.post("/api/keys", json!({ "name": "reader", "scopes": ["read", "write"] })).await?.ok()?;
    let reader = user.with_token(key["data"]["key"].as_str().context("key")?);
    assert_eq!(reader.get("/api/webhooks/callback-deliveries").await?.status, 403);
    assert_eq!(reader.post(&format!("{path}/resend"), Value::Null).await?.status, 403);

    for wrong in ["done", "ftp://example.com", "https://user:word@example.com", "https://10.0.0.1/x"] {
        let refused = user.post("/api/video/tasks", json!({ "prompt": "x", "model": "sora-2", "callbackUrl": wrong })).await?;
        assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (400, &json!("callbackUrl")), "{wrong}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_belongs_to_its_owner() -> Result<()> {
    let platform = builder().setting(Service::Notifier, "webhooks.max_endpoints", 2).start().await?;
    let (owner, stranger, sink) = (platform.user().await?, platform.user().await?, Sink::start()?);
    let hook = Hook::create(&owner, json!({ "url": sink.url("/hook"), "description": "mine" })).await?;
    let delivery = hook.test(&owner).await?;
    sink.until("/hook", 1).await?;

    let nothing = Value::Null;
    let range = json!({ "from": "2026-01-01T00:00:00Z" });
    let unknown = "/api/webhooks/00000000-0000-7000-8000-000000000000".to_owned();
    for path in [&hook.path, &unknown, &"/api/webhooks/nonsense".to_owned()] {
        for (method, path, body) in [
            ("GET", path.clone(), &nothing),
            ("PATCH", path.clone(), &json!({ "enabled": false })),
            ("DELETE", path.clone(), &nothing),
            ("GET", format!("{path}/deliveries"), &nothing),
            ("POST", format!("{path}/rotate-secret"), &nothing),
            ("POST", format!("{path}/test"), &nothing),
            ("POST", format!("{path}/replay"), &range),
            ("POST", format!("{path}/deliveries/{delivery}/resend"), &nothing),
        ] {
            let answer = match method {
                "GET" => stranger.get(&path).await?,
                "PATCH" => stranger.patch(&path, body.clone()).await?,
                "DELETE" => stranger.delete(&path).await?,
                _ => stranger.post(&path, body.clone()).await?,
            };
            assert_eq!((answer.status, answer.body["code"].as_str()), (404, Some("NOT_FOUND")), "{method} {path}");
        }
    }
    assert_eq!(stranger.get("/api/webhooks").await?.ok()?["data"]["webhooks"], json!([]));
    assert_eq!(platform.nobody().get("/api/webhooks").await?.status, 401);

    // Another of one's own webhooks has not told it either.
    let other = Hook::create(&owner, json!({ "url": sink.url("/other") })).await?;
    let answer = owner.post(&format!("{}/deliveries/{delivery}/resend", other.path), Value::Null).await?;
    assert_eq!(answer.status, 404);
    let third = owner.post("/api/webhooks", json!({ "url": sink.url("/third") })).await?;
    assert_eq!((third.status, third.body["code"].as_str()), (409, Some("INVALID_STATE")), "{}", third.body);

    let changed = owner.patch(&hook.path, json!({ "url": sink.url("/moved"), "events": ["task.failed"] })).await?.ok()?;
    assert_eq!((&changed["data"]["description"], &changed["data"]["events"]), (&json!("mine"), &json!(["task.failed"])));
    hook.test(&owner).await?;
    sink.until("/moved", 1).await?;
    assert_eq!(owner.delete(&hook.path).await?.status, 204);
    assert_eq!(owner.get(&hook.path).await?.status, 404);
    run(&owner, "heard by the other [sim:fail=no]").await?;
    sink.until("/other", 1).await?;
    assert_eq!((sink.received("/hook").len(), sink.received("/moved").len()), (1, 1));

    let wrong = json!({ "url": "http://10.0.0.1/", "events": ["task.deleted"], "description": "x".repeat(501) });
    let refused = owner.post("/api/webhooks", wrong).await?;
    let fields: Vec<_> =
        refused.body["errors"].as_array().context("errors")?.iter().map(|error| error["field"].as_str()).collect();
    assert_eq!((refused.status, fields), (400, vec![Some("url"), Some("events"), Some("description")]));
    Ok(())
}
