//! What an operator relies on: health, documents, request ids, traces, an orderly end.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use zoetrope_testing::{Collector, Platform, Service, User, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn health_and_documents_are_served_by_the_gateway() -> Result<()> {
    let platform = Platform::start().await?;
    let nobody = platform.nobody();
    let health = nobody.get("/health").await?.ok()?;
    assert_eq!((&health["success"], &health["data"]["status"]), (&json!(true), &json!("ok")));
    assert!(health["data"]["version"].is_string());

    let docs = nobody.get("/api-docs.json").await?.ok()?;
    for path in ["/api/auth/login", "/api/video/tasks", "/api/video/tasks/{videoId}/content", "/ws"] {
        assert!(docs["paths"][path].is_object(), "{path} is not described");
    }
    let page = reqwest::get(format!("{}/api-docs/", platform.gateway_url())).await?.error_for_status()?;
    assert!(page.text().await?.contains("swagger-ui"));

    let answer = nobody.get_with_header("/health", "X-Request-Id", "abc-123").await?;
    assert_eq!(answer.headers["x-request-id"], "abc-123");
    let answer = nobody.get_with_header("/health", "X-Request-Id", "no good\"").await?;
    assert_ne!(answer.headers["x-request-id"], "no good\"");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_the_request_to_the_provider_and_the_push() -> Result<()> {
    let collector = Collector::start()?;
    let mut builder = Platform::builder();
    for service in [Service::TaskApi, Service::Poller, Service::Notifier] {
        builder = builder.setting(service, "telemetry.otlp_endpoint", collector.url());
    }
    let platform = builder.start().await?;
    let user = platform.user().await?;
    let mut socket = user.socket().await?;

    let trace_id: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
    let traceparent = format!("00-{trace_id:032x}-00f067aa0ba902b7-01");
    let body = json!({ "prompt": "traced", "model": "sora-2" });
    let created = user.post_with_header("/api/video/tasks", &body, "traceparent", &traceparent).await?.ok()?;
    let video_id = created["data"]["videoId"].as_str().context("videoId")?;
    socket.subscribe(video_id).await?;
    socket.until(video_id, "taskCompleted").await?;

    let submitted = platform.simulation().submitted("traced").await?;
    let reached = submitted[0].traceparent.as_deref().context("no traceparent reached the provider")?;
    assert!(reached.contains(&format!("{trace_id:032x}")), "{reached}");
    eventually("spans of all services in one trace", Duration::from_secs(30), async || {
        let missing: Vec<&str> =
            ["task-api", "poller", "notifier"].into_iter().filter(|service| !collector.has(service, trace_id)).collect();
        ensure!(missing.is_empty(), "none from {}", missing.join(", "));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_shows_its_health_and_figures() -> Result<()> {
    let mut platform = Platform::start().await?;
    for service in [Service::Auth, Service::TaskApi, Service::Poller, Service::Notifier] {
        let internal = platform.process(service, 0)?.internal_url();
        for path in ["livez", "readyz"] {
            assert_eq!(reqwest::get(format!("{internal}/{path}")).await?.status(), 200, "{} {path}", service.name());
            let head = reqwest::Client::new().head(format!("{internal}/{path}")).send().await?;
            assert_eq!((head.status().as_u16(), head.bytes().await?.len()), (200, 0), "{} {path}", service.name());
        }
        let figures = reqwest::get(format!("{internal}/metrics")).await?.text().await?;
        assert!(figures.contains("zoetrope_"), "{}: {figures}", service.name());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_a_process_in_order() -> Result<()> {
    let mut platform = Platform::start().await?;
    let user = platform.user().await?;
    let mut socket = user.socket().await?;
    let video_id = user.create("interrupted [sim:duration=1]").await?;

    for service in [Service::Notifier, Service::Poller, Service::TaskApi, Service::Auth] {
        platform.process(service, 0)?.terminate().await?;
    }
    assert_eq!(socket.closed().await?, Some(1012), "clients are told to come back");
    let away = user.get("/api/video/tasks").await?;
    assert_eq!((away.status, &away.body["code"]), (503, &json!("UNAVAILABLE")));
    assert!(away.headers.contains_key("retry-after"));

    for service in [Service::Auth, Service::TaskApi, Service::Poller, Service::Notifier] {
        let process = platform.process(service, 0)?;
        process.start()?;
        process.ready().await?;
    }
    assert_eq!(user.until_ended(&video_id).await?["status"], "COMPLETED");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_logged() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    user.create("a very private prompt").await?;
    user.until_completed("a very private prompt").await?;
    user.post("/api/auth/login", json!({ "username": user.name(), "password": "a wrong password" })).await?;
    user.post("/api/auth/logout", Value::Null).await?;

    for entry in std::fs::read_dir(platform.directory())? {
        let path = entry?.path();
        // The simulated provider is not ours to keep quiet.
        if path.extension().is_none_or(|extension| extension != "log") || path.ends_with("provider-sim-0.log") {
            continue;
        }
        let log = std::fs::read_to_string(&path)?;
        for secret in ["a very private prompt", User::PASSWORD, "a wrong password", user.token(), "sk-test"] {
            assert!(!log.contains(secret), "{} shows {secret:?}", path.display());
        }
    }
    Ok(())
}
