//! Receivers that fail, are slow, lie or are gone, and addresses that must not be called.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use zoetrope_testing::{Hook, MailSink, Platform, PlatformBuilder, Reply, Service, Sink, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
const OWNER: &str = "ann.lee@mailbox.example";

/// A platform that may call this machine, and does not wait for days.
fn builder() -> PlatformBuilder {
    Platform::builder()
        .receivers_here()
        .setting(Service::Notifier, "webhooks.retry_seconds", vec![0.2; 100])
        .setting(Service::Notifier, "webhooks.sweep_seconds", 0.5)
        // Short, so that the lease of a killed replica is.
        .setting(Service::Notifier, "webhooks.timeout_seconds", 2)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_tried_until_it_arrives_whoever_is_killed() -> Result<()> {
    let mut platform = builder().start().await?;
    let (user, sink) = (platform.user().await?, Sink::start()?);
    let hook = Hook::create(&user, json!({ "url": sink.url("/hook") })).await?;
    // A redirect leads nowhere, and an error is none of our business.
    sink.answer("/hook", Reply { location: Some(sink.url("/elsewhere")), ..Reply::status(302) });
    user.create("insist").await?;
    sink.until("/hook", 2).await?;
    sink.answer("/hook", Reply::status(500));
    let before = sink.received("/hook").len();
    sink.until("/hook", before + 2).await?;
    let pending = hook.until(&user, "PENDING").await?;
    assert!(pending["nextAttemptAt"].is_string(), "{pending}");
    assert!(hook.show(&user).await?["failingSince"].is_string());

    platform.process(Service::Notifier, 0)?.kill()?;
    sink.answer("/hook", Reply::status(200));
    let notifier = platform.process(Service::Notifier, 0)?;
    notifier.start()?;
    notifier.ready().await?;
    let delivered = hook.until(&user, "DELIVERED").await?;

    let received = sink.received("/hook");
    assert!(received.iter().all(|told| told.header("webhook-id") == received[0].header("webhook-id")), "{received:?}");
    assert!(received.iter().all(|told| told.is_signed_with(&hook.secret)));
    assert!(sink.received("/elsewhere").is_empty());
    let attempts = delivered["attempts"].as_array().context("attempts")?;
    let with =
        |status: u16| attempts.iter().find(|attempt| attempt["statusCode"] == status).with_context(|| format!("no {status}"));
    assert_eq!(with(302)?["error"], "redirects are not followed");
    assert_eq!((&with(500)?["response"], &with(500)?["error"]), (&json!("this is 500"), &Value::Null));
    assert_eq!(attempts.last(), Some(with(200)?));
    assert_eq!(hook.show(&user).await?["failingSince"], Value::Null);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_or_dead_is_disabled() -> Result<()> {
    let mails = MailSink::start().await?;
    let platform = builder()
        .setting(Service::Notifier, "mail.transport", "smtp")
        .setting(Service::Notifier, "mail.host", "localhost")
        .setting(Service::Notifier, "mail.port", i64::from(mails.port()))
        .setting(Service::Notifier, "mail.tls", "none")
        .start()
        .await?;
    let (user, sink) = (platform.user_with_email(OWNER, "en").await?, Sink::start()?);
    let database = platform.database().await?;
    eventually("the owner's address", PATIENCE, async || {
        ensure!(database.query_opt("SELECT FROM notifier.contacts WHERE email = $1", &[&OWNER]).await?.is_some());
        Ok(())
    })
    .await?;
    let gone = Hook::create(&user, json!({ "url": sink.url("/gone") })).await?;
    sink.answer("/gone", Reply::status(410));
    gone.test(&user).await?;
    let failed = gone.until(&user, "FAILED").await?;
    assert_eq!(failed["attempts"].as_array().map(Vec::len), Some(1), "{failed}");
    let shown = gone.show(&user).await?;
    assert_eq!((&shown["enabled"], &shown["disabledReason"]), (&json!(false), &json!("GONE")), "{shown}");
    assert_eq!(user.post(&format!("{}/test", gone.path), Value::Null).await?.status, 409);

    until_told_of(&mails, &sink.url("/gone")).await?;

    // It fails, and seems to have done so for days; another message waits for it.
    let dead = Hook::create(&user, json!({ "url": sink.url("/dead") })).await?;
    sink.answer("/dead", Reply::status(500));
    dead.test(&user).await?;
    dead.test(&user).await?;
    sink.until("/dead", 3).await?;
    assert_eq!(dead.show(&user).await?["enabled"], true);
    database
        .batch_execute("UPDATE notifier.webhook_endpoints SET failing_since = now() - interval '5 days' WHERE enabled")
        .await?;
    let shown = eventually("the end of a dead endpoint", PATIENCE, async || {
        let shown = dead.show(&user).await?;
        ensure!(shown["enabled"] == false, "{shown}");
        Ok(shown)
    })
    .await?;
    assert_eq!(shown["disabledReason"], "FAILING");
    until_told_of(&mails, &sink.url("/dead")).await?;
    eventually("the end of what waited", PATIENCE, async || {
        let deliveries = dead.deliveries(&user).await?;
        ensure!(deliveries.iter().all(|delivery| delivery["status"] == "FAILED"), "{deliveries:?}");
        Ok(())
    })
    .await?;

    sink.answer("/dead", Reply::status(204));
    let enabled = user.patch(&dead.path, json!({ "enabled": true })).await?.ok()?;
    assert_eq!((&enabled["data"]["disabledReason"], &enabled["data"]["failingSince"]), (&Value::Null, &Value::Null));
    dead.test(&user).await?;
    dead.until(&user, "DELIVERED").await?;
    assert_eq!(mails.received().len(), 2);
    Ok(())
}

/// Waits for the mail that tells its owner of the end of this address.
async fn until_told_of(mails: &MailSink, url: &str) -> Result<()> {
    eventually(&format!("the mail about {url}"), PATIENCE, async || {
        let received = mails.received();
        let mail = received.iter().find(|mail| mail.text.contains(url)).with_context(|| format!("{received:?}"))?;
        ensure!(mail.to == [OWNER] && mail.subject == "A webhook endpoint was disabled", "{mail:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_endpoint_delays_nobody_else() -> Result<()> {
    const SLOWNESS: Duration = Duration::from_secs(15);
    let platform = builder()
        .setting(Service::Notifier, "webhooks.timeout_seconds", 20)
        .setting(Service::Notifier, "webhooks.endpoint_concurrency", 2)
        .setting(Service::Notifier, "webhooks.concurrency", 4)
        .start()
        .await?;
    let (user, other, sink) = (platform.user().await?, platform.user().await?, Sink::start()?);
    let slow = Hook::create(&user, json!({ "url": sink.url("/slow") })).await?;
    let fast = Hook::create(&other, json!({ "url": sink.url("/fast") })).await?;
    sink.answer("/slow", Reply { delay: SLOWNESS, ..Reply::status(204) });
    for _ in 0..10 {
        slow.test(&user).await?;
    }
    let began = Instant::now();
    sink.until("/slow", 2).await?;
    for count in 1..=5 {
        fast.test(&other).await?;
        sink.until("/fast", count).await?;
    }
    ensure!(began.elapsed() < SLOWNESS, "the fast one waited {:?}", began.elapsed());
    // Never more at the same time than an endpoint may have.
    assert_eq!(sink.received("/slow").len(), 2);
    Ok(())
}

/// Ends a service, takes away its leave to call this machine, and starts it again.
async fn forbid_receivers_here(platform: &mut Platform, service: Service) -> Result<()> {
    let process = platform.process(service, 0)?;
    process.terminate().await?;
    let mut settings: toml::Table = fs::read_to_string(process.settings())?.parse()?;
    settings["webhooks"].as_table_mut().context("webhooks")?.remove("allowed_networks");
    fs::write(process.settings(), toml::to_string(&settings)?)?;
    process.start()?;
    process.ready().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_public_is_not_called() -> Result<()> {
    let mut platform = builder().setting(Service::Notifier, "webhooks.retry_seconds", vec![0.1]).start().await?;
    let (user, sink) = (platform.user().await?, Sink::start()?);
    let hook = Hook::create(&user, json!({ "url": format!("http://localhost:{}/hook", sink.port()) })).await?;
    platform.process(Service::Poller, 0)?.terminate().await?;
    let task = |host: &str| json!({ "prompt": "x", "model": "sora-2", "callbackUrl": format!("http://{host}:{}/callback", sink.port()) });
    let created = user.post("/api/video/tasks", task("127.0.0.1")).await?.ok()?;
    for service in [Service::TaskApi, Service::Notifier] {
        forbid_receivers_here(&mut platform, service).await?;
    }

    // Neither is taken any more, however it is written, and for the same reason.
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
        "localhost",
        "app.localhost.",
        "metadata.google.internal",
        "rabbitmq",
    ] {
        let webhook = user.post("/api/webhooks", json!({ "url": format!("http://{host}:{}/", sink.port()) })).await?;
        let callback = user.post("/api/video/tasks", task(host)).await?;
        let stream = user.post("/api/videos/generate-stream", task(host)).await?;
        for (refused, field) in [(webhook, "url"), (callback, "callbackUrl"), (stream, "callbackUrl")] {
            let error = json!({ "field": field, "message": "must lead to a public host" });
            assert_eq!((refused.status, &refused.body["errors"]), (400, &json!([error])), "{host}: {}", refused.body);
        }
    }

    // What was taken before is judged again at each connection.
    hook.test(&user).await?;
    let failed = hook.until(&user, "FAILED").await?;
    let attempts = failed["attempts"].as_array().context("attempts")?;
    assert_eq!(attempts.len(), 2, "{failed}");
    for attempt in attempts {
        assert_eq!((&attempt["statusCode"], &attempt["response"]), (&Value::Null, &Value::Null), "{attempt}");
        assert_eq!(attempt["error"], "the address must lead to a public host");
    }
    platform.process(Service::Poller, 0)?.start()?;
    user.until_ended(created["data"]["videoId"].as_str().context("videoId")?).await?;
    let database = platform.database().await?;
    eventually("the end of the callback", PATIENCE, async || {
        let sql = "SELECT state FROM notifier.webhook_deliveries WHERE callback_url IS NOT NULL";
        let state: String = database.query_opt(sql, &[]).await?.context("no delivery")?.get(0);
        ensure!(state == "failed", "{state}");
        Ok(())
    })
    .await?;
    assert!(sink.received("/hook").is_empty() && sink.received("/callback").is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_during_the_last_attempt_is_not_lost() -> Result<()> {
    const LONG: Duration = Duration::from_secs(3);
    let platform = builder()
        .setting(Service::Notifier, "webhooks.timeout_seconds", 20)
        // No attempt but the first.
        .setting(Service::Notifier, "webhooks.retry_seconds", Vec::<f64>::new())
        .start()
        .await?;
    let (user, sink) = (platform.user().await?, Sink::start()?);
    let begin = chrono::Utc::now() - chrono::TimeDelta::minutes(1);
    let is_under_way = |answer: &Value| {
        let delivery = &answer["data"];
        ensure!(delivery["status"] == "PENDING" && delivery["attempts"] == json!([]), "it came too late: {delivery}");
        Ok(())
    };

    // A webhook: whether the attempt fails or not, another one follows.
    for (path, status) in [("/fails", 500), ("/works", 204)] {
        let hook = Hook::create(&user, json!({ "url": sink.url(path) })).await?;
        sink.answer(path, Reply { delay: LONG, ..Reply::status(status) });
        let delivery = hook.test(&user).await?;
        sink.until(path, 1).await?;
        sink.answer(path, Reply::status(201));
        is_under_way(&user.post(&format!("{}/deliveries/{delivery}/resend", hook.path), Value::Null).await?.ok()?)?;
        sink.until(path, 2).await?;
        let delivered = hook.until(&user, "DELIVERED").await?;
        let statuses: Vec<_> = delivered["attempts"].as_array().context("attempts")?.iter().map(|it| &it["statusCode"]).collect();
        assert_eq!(statuses, [&json!(status), &json!(201)], "{delivered}");
        user.delete(&hook.path).await?;
    }

    // The address of a task, and all of a time.
    let replayed = Hook::create(&user, json!({ "url": sink.url("/replayed") })).await?;
    for path in ["/callback", "/replayed"] {
        sink.answer(path, Reply { delay: LONG, ..Reply::status(500) });
    }
    let body = json!({ "prompt": "x", "model": "sora-2", "callbackUrl": sink.url("/callback") });
    user.post("/api/video/tasks", body).await?.ok()?;
    sink.until("/callback", 1).await?;
    sink.until("/replayed", 1).await?;
    for path in ["/callback", "/replayed"] {
        sink.answer(path, Reply::status(201));
    }
    let deliveries = "/api/webhooks/callback-deliveries";
    let list = user.get(deliveries).await?.ok()?;
    let delivery = format!("{deliveries}/{}", list["data"]["deliveries"][0]["id"].as_str().context("id")?);
    is_under_way(&user.post(&format!("{delivery}/resend"), Value::Null).await?.ok()?)?;
    let replay = user.post(&format!("{}/replay", replayed.path), json!({ "from": begin })).await?.ok()?;
    assert_eq!(replay["data"]["deliveries"], 1, "{replay}");
    for path in ["/callback", "/replayed"] {
        sink.until(path, 2).await?;
    }
    replayed.until(&user, "DELIVERED").await?;
    eventually("the end of the callback", PATIENCE, async || {
        let delivery = user.get(&delivery).await?.ok()?["data"].clone();
        ensure!(delivery["status"] == "DELIVERED" && delivery["attempts"][0]["statusCode"] == 500, "{delivery}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_failures_waits_for_the_attempt_that_is_under_way() -> Result<()> {
    const LONG: Duration = Duration::from_secs(3);
    const PATHS: [&str; 2] = ["/fails", "/works"];
    let platform = builder()
        .setting(Service::Notifier, "webhooks.timeout_seconds", 20)
        .setting(Service::Notifier, "webhooks.retry_seconds", vec![1.5])
        .start()
        .await?;
    let (user, sink) = (platform.user().await?, Sink::start()?);
    let begin = chrono::Utc::now() - chrono::TimeDelta::minutes(1);
    let mut hooks = Vec::new();
    for path in PATHS {
        hooks.push(Hook::create(&user, json!({ "url": sink.url(path) })).await?);
        sink.answer(path, Reply::status(500));
    }
    user.create("told twice in vain").await?;
    // The second attempt, which is the last, is held.
    for (path, status) in PATHS.into_iter().zip([500, 204]) {
        sink.until(path, 1).await?;
        sink.answer(path, Reply { delay: LONG, ..Reply::status(status) });
    }
    for (hook, path) in hooks.iter().zip(PATHS) {
        sink.until(path, 2).await?;
        sink.answer(path, Reply::status(201));
        let replay = user.post(&format!("{}/replay", hook.path), json!({ "from": begin, "failedOnly": true })).await?.ok()?;
        assert_eq!(replay["data"]["deliveries"], 1, "{replay}");
    }
    let failed = hooks[0].until(&user, "DELIVERED").await?;
    assert_eq!(failed["attempts"].as_array().map(Vec::len), Some(3), "{failed}");
    // What worked in the end is no failure.
    let worked = hooks[1].until(&user, "DELIVERED").await?;
    assert_eq!(worked["attempts"].as_array().map(Vec::len), Some(2), "{worked}");
    assert_eq!(sink.received("/works").len(), 2);
    Ok(())
}
