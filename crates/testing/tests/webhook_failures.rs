//! Receivers that fail, are slow, lie or are gone, and addresses that must not be called.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use zoetrope_testing::{Hook, MailSink, Platform, PlatformBuilder, Reply, Service, Sink, eventually};

const PATIENCE: Duration = Duration::from_secs(30);
const OWNER: &str = "ann.lee@mailbox.example";

/// A platform that may call this machine, and does not wait for days.
fn builder() -> PlatformBuilder {
    Platform::builder()
        .setting(Service::Notifier, "webhooks.allow_http", true)
        .setting(Service::Notifier, "webhooks.allowed_networks", vec!["127.0.0.0/8"])
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_public_is_not_called() -> Result<()> {
    let platform = Platform::builder()
        .setting(Service::Notifier, "webhooks.allow_http", true)
        .setting(Service::Notifier, "webhooks.retry_seconds", vec![0.1])
        .start()
        .await?;
    let (user, sink) = (platform.user().await?, Sink::start()?);
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"] {
        let refused = user.post("/api/webhooks", json!({ "url": format!("http://{host}:{}/", sink.port()) })).await?;
        assert_eq!((refused.status, &refused.body["errors"][0]["field"]), (400, &json!("url")), "{host}: {}", refused.body);
    }
    // A name tells nothing before it is looked up.
    let hook = Hook::create(&user, json!({ "url": format!("http://localhost:{}/hook", sink.port()) })).await?;
    hook.test(&user).await?;
    let failed = hook.until(&user, "FAILED").await?;
    let attempts = failed["attempts"].as_array().context("attempts")?;
    assert_eq!(attempts.len(), 2, "{failed}");
    for attempt in attempts {
        assert_eq!((&attempt["statusCode"], &attempt["response"]), (&Value::Null, &Value::Null), "{attempt}");
        assert_eq!(attempt["error"], "the address must lead to a public host");
    }
    // And neither does the address that a task brings.
    let callback =
        json!({ "prompt": "x", "model": "sora-2", "callbackUrl": format!("http://127.0.0.1:{}/callback", sink.port()) });
    let created = user.post("/api/video/tasks", callback).await?.ok()?;
    user.until_ended(created["data"]["videoId"].as_str().context("videoId")?).await?;
    let database = platform.database().await?;
    eventually("the end of the callback", PATIENCE, async || {
        let sql = "SELECT state FROM notifier.webhook_deliveries WHERE callback_url IS NOT NULL";
        let state: String = database.query_one(sql, &[]).await?.get(0);
        ensure!(state == "failed", "{state}");
        Ok(())
    })
    .await?;
    assert!(sink.received("/hook").is_empty() && sink.received("/callback").is_empty());
    Ok(())
}
