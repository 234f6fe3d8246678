//! What clients send that is not quite right: taken where it is clear what they mean, refused where it would have to be guessed.

use anyhow::{Result, ensure};
use reqwest::{
    Client,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use zoetrope_testing::{Platform, User, audit};

const TASKS: &str = "/api/video/tasks";
const RECOVER: &str = "/api/video/tasks/recover";
const AVATAR: &str = "/api/users/avatar";

async fn post(
    platform: &Platform,
    user: &User,
    path: &str,
    content_type: &str,
    body: impl Into<Vec<u8>>,
) -> Result<(u16, Value)> {
    let request = Client::new().post(format!("{}{path}", platform.gateway_url())).bearer_auth(user.token());
    let response = request.header("content-type", content_type).body(body.into()).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_is_no_file() -> Result<()> {
    let platform = Platform::start().await?;
    let nothing = || Part::bytes(b"".as_slice());
    let parts = [
        // As a browser sends an input in which nothing was chosen.
        nothing().file_name("").mime_str("application/octet-stream")?,
        nothing().file_name("empty.png").mime_str("image/png")?,
        nothing(),
        // What a script makes of `null` and of `undefined`.
        Part::text("null"),
        Part::text("undefined"),
    ];
    for part in parts {
        let user = platform.user().await?;
        let form = Form::new().part("input_reference", part).text("prompt", "no picture").text("model", "sora-2");
        let task = user.post_form(TASKS, form.text("referenceImage", "")).await?.ok()?;
        ensure!(task["data"]["mediaType"] == "VIDEO", "{task}");
        assert_eq!(user.until_completed("no picture").await?["status"], "COMPLETED");
    }
    for picture in [json!(""), json!("  "), json!(null), json!("data:,"), json!("data:image/png;base64,")] {
        let user = platform.user().await?;
        let body = json!({ "prompt": "p", "model": "sora-2", "referenceImage": picture });
        user.post(TASKS, body).await?.ok()?;
    }
    // A picture must be there where it is all that a request is about, and then it is missing, and not of a wrong type.
    let user = platform.user().await?;
    for part in [nothing().file_name(""), nothing().file_name("a.png").mime_str("image/png")?] {
        let answer = user.post_form(AVATAR, Form::new().part("avatar", part)).await?;
        assert_eq!((answer.status, &answer.body["message"]), (400, &json!("avatar is required")));
    }
    for picture in [json!(""), json!(null), json!("data:,"), json!("data:image/png;base64,")] {
        let answer = user.post(AVATAR, json!({ "avatarBase64": picture })).await?;
        assert_eq!((answer.status, &answer.body["message"]), (400, &json!("avatarBase64 is required")));
    }
    audit::check(&platform).await
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_taken_as_it_is_meant() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let body = r#"{"clientRequestIds":["café"]}"#;
    for content_type in [
        "application/json",
        "application/json;charset=UTF8",
        "APPLICATION/JSON; Charset=\"utf-8\"",
        "text/json",
        "application/json;",
    ] {
        let (status, answer) = post(&platform, &user, RECOVER, content_type, body).await?;
        assert_eq!((status, &answer["data"]["requested"]), (200, &json!(1)), "{content_type}: {answer}");
    }
    let marked = format!("\u{feff}{body}");
    assert_eq!(post(&platform, &user, RECOVER, "application/json", marked).await?.0, 200);

    let words =
        json!({ "prompt": "p", "model": "sora-2", "duration": "10", "watermark": "true", "size": "", "aspectRatio": null });
    let task = user.post(TASKS, words).await?.ok()?;
    assert_eq!((&task["data"]["duration"], &task["data"]["watermark"]), (&json!(10), &json!(true)));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charset_is_refused_and_never_guessed() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    let named = |(status, answer): (u16, Value), expected: u16, field: &str| {
        assert_eq!((status, &answer["errors"][0]["field"]), (expected, &json!(field)), "{answer}");
    };
    let json = "application/json";
    let latin = b"{\"prompt\":\"caf\xe9\",\"model\":\"sora-2\"}".as_slice();
    named(post(&platform, &user, TASKS, json, latin).await?, 400, "prompt");
    named(post(&platform, &user, TASKS, "application/json; charset=iso-8859-1", latin).await?, 415, "body");
    // It would be read without an error, and as another text.
    named(post(&platform, &user, TASKS, "application/json; charset=windows-1252", "{\"prompt\":\"café\"}").await?, 415, "body");
    let cut = r#"{"prompt":"cut \ud83d","model":"sora-2"}"#;
    named(post(&platform, &user, TASKS, json, cut).await?, 400, "prompt");
    let wide: Vec<u8> = "{\"prompt\":\"p\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    named(post(&platform, &user, TASKS, json, wide).await?, 400, "body");
    named(post(&platform, &user, "/api/webhooks", json, b"{\"url\":\"https://caf\xe9\"}".as_slice()).await?, 400, "url");

    let form = "multipart/form-data; boundary=b";
    let part = |headers: &str, content: &[u8]| {
        let head = format!("--b\r\nContent-Disposition: form-data; name=\"prompt\"{headers}\r\n\r\n");
        [head.as_bytes(), content, b"\r\n--b--\r\n"].concat()
    };
    for (headers, content) in [
        ("", b"caf\xe9".as_slice()),
        ("\r\nContent-Type: text/plain; charset=iso-8859-1", b"cafe"),
        ("\r\nContent-Type: text/plain; charset=utf-16", b"p"),
        ("\r\nContent-Transfer-Encoding: base64", b"Y2Fm"),
    ] {
        named(post(&platform, &user, TASKS, form, part(headers, content)).await?, 400, "prompt");
    }
    // With a charset that is right, the model is all that is missing.
    let good = part("\r\nContent-Type: text/plain; charset=UTF-8", "café".as_bytes());
    named(post(&platform, &user, TASKS, form, good).await?, 400, "model");

    let answer = user.get("/api/video/tasks?status=%C3%89&page=1").await?;
    named((answer.status, answer.body), 400, "status");
    let answer = user.get("/api/video/tasks?orderBy=%E9").await?;
    named((answer.status, answer.body.clone()), 400, "orderBy");
    assert_eq!(answer.body["errors"][0]["message"], "must be text in UTF-8");
    assert_eq!(user.balance().await?, 100);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_s_own_id_is_bounded_and_recovery_passes_over_what_no_task_can_have() -> Result<()> {
    let platform = Platform::start().await?;
    let user = platform.user().await?;
    // Longer than an index of the database takes.
    let long = "0123456789abcdef".repeat(1000);
    let body = json!({ "prompt": "p", "model": "sora-2", "clientRequestId": long });
    let answer = user.post(TASKS, body).await?;
    assert_eq!((answer.status, &answer.body["errors"][0]["field"]), (400, &json!("clientRequestId")));
    user.post(TASKS, json!({ "prompt": "p", "model": "sora-2", "clientRequestId": "mine" })).await?.ok()?;
    let mut ids = vec![json!(long), json!("nul\0"), json!("mine")];
    ids.extend((0..2_000).map(|number| json!(number.to_string())));
    let found = user.post(RECOVER, json!({ "clientRequestIds": ids })).await?.ok()?;
    assert_eq!((&found["data"]["matched"], &found["data"]["requested"]), (&json!(1), &json!(50)), "{found}");
    for (path, body) in [
        ("/api/webhooks", json!({ "url": "https://example.com", "events": vec!["task.failed"; 1000] })),
        ("/api/keys", json!({ "name": "k", "scopes": vec!["read"; 1000] })),
    ] {
        let answer = user.post(path, body).await?;
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        assert!(answer.body["message"].as_str().is_some_and(|text| text.contains("more than 32")), "{}", answer.body);
    }
    Ok(())
}
