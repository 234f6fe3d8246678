//! Bad input gets the one error body, which names the field, and changes nothing.

use anyhow::Result;
use serde_json::{Value, json};
use zoetrope_testing::{Answer, Platform, audit};

/// The body of `client-apis.md`, whole.
fn is_problem(answer: &Answer, status: u16, code: &str, field: Option<&str>) {
    let body = &answer.body;
    assert_eq!((answer.status, body["code"].as_str()), (status, Some(code)), "{body}");
    assert_eq!(body["success"], false, "{body}");
    assert_eq!(body["status"], if status < 500 { "fail" } else { "error" }, "{body}");
    assert_eq!(body["statusCode"], status, "{body}");
    assert_eq!(body["message"], body["detail"], "{body}");
    assert_eq!(body["data"]["code"], code, "{body}");
    assert_eq!(body["data"]["message"], body["message"], "{body}");
    assert!(body["error"].is_string() && body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    assert_eq!(body["requestId"].as_str(), answer.headers["x-request-id"].to_str().ok(), "{body}");
    if let Some(field) = field {
        let named = body["errors"].as_array().is_some_and(|errors| errors.iter().any(|error| error["field"] == field));
        assert!(named, "{field} is not named: {body}");
        assert!(body["errors"][0]["message"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_create_names_its_field_and_costs_nothing() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let good = json!({ "prompt": "p", "model": "sora-2" });
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let cases = [
        (json!({ "model": "sora-2" }), "prompt"),
        (json!({ "prompt": "p" }), "model"),
        (with("prompt", json!("  ")), "prompt"),
        (with("prompt", json!(7)), "prompt"),
        (with("model", json!("sora-9")), "model"),
        (with("model", json!(["sora-2"])), "model"),
        (with("duration", json!("long")), "duration"),
        (with("duration", json!(-4)), "duration"),
        (with("duration", json!(7)), "duration"),
        (with("size", json!("big")), "size"),
        (with("size", json!("1x1")), "size"),
        (with("aspectRatio", json!("5:4")), "aspectRatio"),
        (with("watermark", json!("yes")), "watermark"),
        (with("referenceImage", json!("not a data url")), "referenceImage"),
        (with("referenceImage", json!("data:image/png;base64,***")), "referenceImage"),
        (json!([1, 2]), "body"),
    ];
    for (body, field) in cases {
        let answer = user.post("/api/video/tasks", body.clone()).await?;
        assert_eq!(answer.status, 400, "{body} -> {}", answer.body);
        is_problem(&answer, 400, "VALIDATION_ERROR", Some(field));
    }
    let unreadable = with("referenceImage", json!("data:image/png;base64,AAAA"));
    is_problem(&user.post("/api/video/tasks", unreadable).await?, 415, "UNSUPPORTED_MEDIA", Some("referenceImage"));
    is_problem(
        &user.post_raw("/api/video/tasks", "application/json", "{\"prompt\": ").await?,
        400,
        "VALIDATION_ERROR",
        Some("body"),
    );
    is_problem(&user.post_raw("/api/video/tasks", "text/plain", "hello").await?, 415, "UNSUPPORTED_MEDIA", None);

    assert_eq!(user.balance().await?, 100);
    assert_eq!(user.get("/api/video/tasks").await?.ok()?["data"]["total"], 0);
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_upload_is_refused() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let form = |file: &'static [u8]| {
        reqwest::multipart::Form::new()
            .text("prompt", "p")
            .text("model", "sora-2")
            .part("input_reference", reqwest::multipart::Part::bytes(file).file_name("a.png"))
    };
    for file in [&b"GIF89a not an accepted kind"[..], &b"\x89PNG\r\n\x1a\n cut off"[..], &b"<svg/>"[..]] {
        let answer = user.post_form("/api/video/tasks", form(file)).await?;
        assert!(matches!(answer.status, 400 | 415), "{}", answer.body);
        assert!(
            answer.body["errors"].as_array().unwrap().iter().any(|error| error["field"] == "input_reference"),
            "{}",
            answer.body
        );
    }
    let no_prompt = reqwest::multipart::Form::new().text("model", "sora-2");
    is_problem(&user.post_form("/api/video/tasks", no_prompt).await?, 400, "VALIDATION_ERROR", Some("prompt"));
    assert_eq!(user.balance().await?, 100);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_and_paths_are_named() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    for (query, field) in [
        ("page=0", "page"),
        ("page=x", "page"),
        ("pageSize=0", "pageSize"),
        ("pageSize=100000", "pageSize"),
        ("status=DONE", "status"),
        ("mediaType=SOUND", "mediaType"),
        ("orderBy=prompt", "orderBy"),
        ("order=up", "order"),
    ] {
        is_problem(&user.get(&format!("/api/video/tasks?{query}")).await?, 400, "VALIDATION_ERROR", Some(field));
    }
    user.get("/api/video/tasks?status=&mediaType=&page=&pageSize=").await?.ok()?;
    user.get("/api/video/tasks?status=COMPLETED&order=asc&orderBy=createdAt&mediaType=VIDEO").await?.ok()?;
    for path in ["/api/video/tasks/nonsense", "/api/video/tasks/video_nonsense/content", "/api/nothing/here"] {
        is_problem(&user.get(path).await?, 404, "NOT_FOUND", None);
    }
    let wrong_ids = user.post("/api/video/tasks/recover", json!({ "clientRequestIds": "a" })).await?;
    is_problem(&wrong_ids, 400, "VALIDATION_ERROR", Some("clientRequestIds"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_sign_ins_are_named() -> Result<()> {
    let platform = Platform::start().await?;
    let nobody = platform.nobody();
    let register = "/api/auth/register";
    let login = "/api/auth/login";
    for (path, body, field) in [
        (register, json!({ "password": "long enough 1" }), "username"),
        (register, json!({ "username": "ann" }), "password"),
        (register, json!({ "username": "ann", "password": 5 }), "password"),
        (register, json!({ "username": "ann", "password": "" }), "password"),
        (register, json!({ "username": "ann", "password": "long enough 1", "email": "not an address" }), "email"),
        (login, json!({ "username": "ann" }), "password"),
        ("/api/auth/verify", json!({}), "token"),
    ] {
        let answer = nobody.post(path, body.clone()).await?;
        assert_eq!(answer.status, 400, "{path} {body} -> {}", answer.body);
        is_problem(&answer, 400, "VALIDATION_ERROR", Some(field));
    }
    is_problem(&nobody.post_raw(login, "application/json", "{").await?, 400, "VALIDATION_ERROR", Some("body"));
    let wrong = nobody.post(login, json!({ "username": "nobody-here", "password": "wrong password" })).await?;
    is_problem(&wrong, 401, "UNAUTHORIZED", None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_or_a_bad_one_opens_nothing() -> Result<()> {
    let platform = Platform::start().await?;
    let nobody = platform.nobody();
    let forged = nobody.with_token("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.");
    for visitor in [&nobody, &forged] {
        for path in ["/api/video/tasks", "/api/video/stats", "/api/video/tasks/video_x", "/api/credits/balance"] {
            is_problem(&visitor.get(path).await?, 401, "UNAUTHORIZED", None);
        }
        is_problem(
            &visitor.post("/api/video/tasks", json!({ "prompt": "p", "model": "sora-2" })).await?,
            401,
            "UNAUTHORIZED",
            None,
        );
    }
    Ok(())
}
