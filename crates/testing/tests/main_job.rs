//! The main job as a front-end sees it: create, watch, play; and what happens when it cannot be done.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use zoetrope_testing::{ObjectServer, Platform, Service, audit};

const PNG: &[u8] = include_bytes!("files/reference.png");

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_made_and_played() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let mut socket = user.socket().await?;

    let video_id = user.create("a paper boat [sim:duration=3]").await?;
    assert_eq!(user.balance().await?, 0);
    socket.subscribe(&video_id).await?;

    let mut progress = Vec::new();
    let completed = loop {
        let frame = socket.next_of(&video_id).await?;
        match frame.kind.as_str() {
            "taskStatus" | "taskProgress" => progress.push(frame.payload["progress"].as_u64().unwrap()),
            "taskCompleted" => break frame.payload,
            other => panic!("unexpected {other}: {}", frame.payload),
        }
    };
    assert!(progress.is_sorted(), "{progress:?}");
    assert!(progress.iter().any(|percent| (1..100).contains(percent)), "no progress between start and end: {progress:?}");
    assert_eq!(completed["status"], "completed");
    assert_eq!(completed["progress"], 100);
    assert_eq!(completed["result"]["resolution"], "1280x720");
    assert!(completed["metrics"]["totalTime"].as_f64().unwrap() > 0.0);

    let row = user.task(&video_id).await?;
    assert_eq!(row["status"], "COMPLETED");
    assert_eq!(row["externalTaskId"], completed["externalVideoId"]);
    let content = user.get(&format!("/api/video/tasks/{video_id}/content")).await?.ok()?;
    for link in [&content["data"]["url"], &row["videoUrl"], &completed["result"]["videoUrl"]] {
        plays(link.as_str().unwrap()).await?;
    }
    let thumbnail = reqwest::get(completed["result"]["thumbnailUrl"].as_str().unwrap()).await?.error_for_status()?;
    assert!(thumbnail.headers()["content-type"].to_str()?.starts_with("image/"));

    audit::check(&platform).await
}

/// As a `<video src>` does: no header but `Range`.
async fn plays(url: &str) -> Result<()> {
    assert!(!url.contains("/v1/videos/") && !url.contains("/api/tasks/"), "{url}");
    let http = reqwest::Client::new();
    let start = http.get(url).header("Range", "bytes=0-99").send().await?;
    assert_eq!(start.status(), 206);
    assert_eq!(start.headers()["content-type"], "video/mp4");
    let range = start.headers()["content-range"].to_str()?.to_owned();
    let size: u64 = range.strip_prefix("bytes 0-99/").context("Content-Range")?.parse()?;
    let bytes = start.bytes().await?;
    assert_eq!((bytes.len(), &bytes[4..8]), (100, &b"ftyp"[..]));

    let tail = http.get(url).header("Range", "bytes=-7").send().await?;
    assert_eq!(tail.headers()["content-range"].to_str()?, format!("bytes {}-{}/{size}", size - 7, size - 1));
    assert_eq!(http.get(url).header("Range", format!("bytes={size}-")).send().await?.status(), 416);
    assert_eq!(u64::try_from(http.get(url).send().await?.bytes().await?.len())?, size);

    let forged = url.replacen("signature=", "signature=A", 1);
    assert!(matches!(http.get(forged).send().await?.status().as_u16(), 403 | 404));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_and_the_credits_are_back() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let mut socket = user.socket().await?;

    let video_id = user.create("a forbidden thing [sim:fail=content policy]").await?;
    socket.subscribe(&video_id).await?;
    let failed = socket.until(&video_id, "taskFailed").await?;
    assert_eq!(failed["status"], "failed");
    assert!(failed["error"]["message"].as_str().unwrap().contains("content policy"), "{failed}");

    let row = user.task(&video_id).await?;
    assert_eq!(row["status"], "FAILED");
    assert_eq!(row["errorMessage"], failed["error"]["message"]);
    assert_eq!(row["errorCode"], failed["error"]["code"]);
    assert_eq!(user.balance().await?, 100);
    assert_eq!(user.get(&format!("/api/video/tasks/{video_id}/content")).await?.status, 409);
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credits_nothing_is_made() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    user.create("the one that the grant pays").await?;

    let refused = user.post("/api/video/tasks", json!({ "prompt": "one too many", "model": "sora-2" })).await?;
    assert_eq!(refused.status, 402);
    assert_eq!(refused.body["code"], "INSUFFICIENT_CREDITS");
    assert_eq!(refused.body["data"]["required"], 100);
    assert_eq!(refused.body["data"]["current"], 0);
    let list = user.get("/api/video/tasks").await?.ok()?;
    assert_eq!(list["data"]["total"], 1);
    assert!(platform.simulation().submitted("one too many").await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_image_reaches_the_provider() -> Result<()> {
    let platform = Platform::builder().setting(Service::TaskApi, "credits.signup_grant", 200).start().await?;
    let user = platform.user().await?;

    let form = reqwest::multipart::Form::new()
        .text("prompt", "from a form")
        .text("model", "sora-2")
        .part("input_reference", reqwest::multipart::Part::bytes(PNG).file_name("boat.png").mime_str("image/png")?);
    let created = user.post_form("/api/video/tasks", form).await?;
    assert_eq!(created.status, 201, "{}", created.body);

    let data_url = format!("data:image/png;base64,{}", base64(PNG));
    let body = json!({ "prompt": "from json", "model": "sora_video2", "duration": "10", "referenceImage": data_url });
    let created = user.post("/api/video/tasks", body).await?;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.body["data"]["duration"], 10);

    for prompt in ["from a form", "from json"] {
        user.until_completed(prompt).await?;
        let submitted = platform.simulation().submitted(prompt).await?;
        assert_eq!(submitted.len(), 1, "{prompt}");
        assert!(submitted[0].has_reference_image);
        assert_eq!(usize::try_from(submitted[0].reference_image_bytes)?, PNG.len());
    }
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_task_stays_cancelled() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let mut socket = user.socket().await?;

    let video_id = user.create("never finished [sim:duration=60]").await?;
    socket.subscribe(&video_id).await?;
    while socket.next_of(&video_id).await?.payload["externalVideoId"].is_null() {}
    let requested = user.post(&format!("/api/video/tasks/{video_id}/cancel"), Value::Null).await?;
    assert_eq!((requested.status, &requested.body["data"]["status"]), (202, &json!("PROCESSING")));
    socket.until(&video_id, "taskCancelled").await?;
    assert_eq!(user.balance().await?, 100);

    let again = user.post(&format!("/api/video/tasks/{video_id}/cancel"), Value::Null).await?;
    assert_eq!((again.status, again.body["code"].as_str()), (409, Some("INVALID_STATE")));

    // The provider is told as well, and keeps nothing of it.
    assert_eq!(platform.simulation().deleted().await?, 1);
    assert_eq!(user.task(&video_id).await?["status"], "CANCELLED");
    assert_eq!(user.balance().await?, 100);
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_makes_one_task() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let body = json!({ "prompt": "once", "model": "sora-2" });

    let first = user.post_with_key("/api/video/tasks", &body, "key-1").await?;
    let second = user.post_with_key("/api/video/tasks", &body, "key-1").await?;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.body["data"]["videoId"], second.body["data"]["videoId"]);
    assert_eq!(user.balance().await?, 0);

    let other = user.post_with_key("/api/video/tasks", &json!({ "prompt": "other", "model": "sora-2" }), "key-1").await?;
    assert_eq!((other.status, other.body["code"].as_str()), (422, Some("IDEMPOTENCY_MISMATCH")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_may_be_long() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let prompt = "a very long story ".repeat(200_000);
    let video_id = user.create(&prompt).await?;
    let row = user.until_ended(&video_id).await?;
    assert_eq!(row["status"], "COMPLETED", "{}", row["errorMessage"]);
    assert_eq!(row["prompt"].as_str().map(str::len), Some(prompt.len()));
    assert_eq!(platform.simulation().submitted(&prompt).await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_may_live_in_s3() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("zoetrope-objects-{}", std::process::id()));
    let objects = ObjectServer::start(&folder).await?;
    let mut builder = Platform::builder();
    for service in [Service::TaskApi, Service::Poller] {
        builder = builder
            .setting(service, "storage.backend", "s3")
            .setting(service, "storage.endpoint", objects.url())
            .setting(service, "storage.bucket", ObjectServer::BUCKET)
            .setting(service, "storage.access_key", ObjectServer::ACCESS_KEY)
            .setting(service, "storage.secret_key", ObjectServer::SECRET_KEY);
    }
    let platform = builder.start().await?;
    let user = platform.user().await?;
    let form = reqwest::multipart::Form::new()
        .text("prompt", "kept in a bucket")
        .text("model", "sora-2")
        .part("input_reference", reqwest::multipart::Part::bytes(PNG).file_name("boat.png"));
    assert_eq!(user.post_form("/api/video/tasks", form).await?.status, 201);

    let row = user.until_completed("kept in a bucket").await?;
    plays(row["videoUrl"].as_str().context("videoUrl")?).await?;
    let submitted = platform.simulation().submitted("kept in a bucket").await?;
    assert_eq!(usize::try_from(submitted[0].reference_image_bytes)?, PNG.len());
    assert!(folder.join(ObjectServer::BUCKET).join("tasks").exists(), "nothing came to the bucket");
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
