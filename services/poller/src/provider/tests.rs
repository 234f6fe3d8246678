//! The adapter over real sockets, against a server that plays one scripted answer per request.

mod downloads;
mod gate;
mod refusals;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{TryStreamExt, stream};
use uuid::Uuid;
use zoetrope_domain::{JobPhase, Progress, TaskId};
use zoetrope_redis::{Redis, RedisSettings};
use zoetrope_storage::{ObjectKey, ObjectStorage};

use super::*;
use crate::{
    job::{ExternalId, FailureCode, Outcome, StoredFile},
    order::Order,
};

const TASK: TaskId = TaskId::new(Uuid::from_u128(7));
const MP4: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0 and much more";

struct Request {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

enum Play {
    Answer(u16, &'static str, Vec<u8>),
    /// Promises this many bytes more than it sends, and hangs up.
    Short(u16, &'static str, Vec<u8>, usize),
    /// Reads the request and hangs up.
    Cut,
    /// Reads the request and says nothing for a while.
    Silence,
}

fn json(status: u16, body: &str) -> Play {
    Play::Answer(status, "", body.into())
}

/// Plays the answers, one connection each, and tells what was asked.
fn server(plays: Vec<Play>) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    thread::spawn(move || {
        for play in plays {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = sender.send(read_request(&mut socket));
            let mut answer = |status, headers, body: Vec<u8>, missing| {
                let length = body.len() + missing;
                let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
                let _ = socket.write_all(&[head.as_bytes(), &body].concat());
            };
            match play {
                Play::Answer(status, headers, body) => answer(status, headers, body, 0),
                Play::Short(status, headers, body, missing) => answer(status, headers, body, missing),
                Play::Cut => {}
                Play::Silence => thread::sleep(Duration::from_secs(2)),
            }
        }
    });
    (address, requests)
}

fn read_request(socket: &mut TcpStream) -> Request {
    let mut reader = BufReader::new(socket);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            text => lines.push(text.to_owned()),
        }
    }
    let line = lines.remove(0);
    let headers: Vec<(String, String)> = lines
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut request = Request { line, headers, body: Vec::new() };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).unwrap();
    request
}

fn provider(address: &str, extra: serde_json::Value) -> Provider {
    let mut settings = serde_json::json!({
        "base_url": format!("{address}/sora"), "api_key": "sk-test", "call_timeout_seconds": 0.5,
        "models": { "sora_video2": "sora-2" },
    });
    settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let settings: ProviderSettings = serde_json::from_value(settings).unwrap();
    // Nothing listens there: the gate is alone.
    let redis = Redis::connect(&RedisSettings { url: "redis://127.0.0.1:1".into(), key_prefix: String::new() }).unwrap();
    let gate = Gate::new("test", settings.limits(), redis);
    Provider::new("test", &settings, gate).unwrap()
}

fn plain(address: &str) -> Provider {
    provider(address, serde_json::json!({}))
}

fn order() -> Order {
    Order {
        ordered_at: chrono::Utc::now(),
        task_id: TASK,
        kind: "text_to_video".into(),
        model: "sora_video2".into(),
        provider: "test".into(),
        prompt: "a heron at dawn".into(),
        seconds: 8,
        size: "1280x720".into(),
        watermark: false,
        reference: None,
    }
}

fn storage() -> (ObjectStorage, std::path::PathBuf) {
    let path = std::env::temp_dir().join(format!("zoetrope-poller-{}", Uuid::new_v4()));
    let settings = serde_json::from_value(serde_json::json!({ "backend": "local", "path": path })).unwrap();
    (ObjectStorage::from_settings(&settings).unwrap(), path)
}

async fn submit(provider: &Provider, order: &Order) -> Outcome {
    let (storage, path) = storage();
    let outcome = match provider.prepare(order, &storage).await {
        Ok(submission) => provider.submit(submission).await,
        Err(outcome) => outcome,
    };
    std::fs::remove_dir_all(path).unwrap();
    outcome
}

fn id() -> ExternalId {
    "video_1".parse().unwrap()
}

fn failure_code(outcome: &Outcome) -> Option<FailureCode> {
    match outcome {
        Outcome::Failed(failure) => Some(failure.code),
        _ => None,
    }
}

#[tokio::test]
async fn a_text_is_submitted_as_json() {
    let (address, requests) = server(vec![json(200, r#"{"id":"video_1","status":"queued"}"#)]);
    assert_eq!(submit(&plain(&address), &order()).await, Outcome::Accepted(id()));
    let request = requests.recv().unwrap();
    assert_eq!(request.line, "POST /sora/v1/videos HTTP/1.1");
    assert_eq!(request.header("authorization"), Some("Bearer sk-test"));
    assert_eq!(request.header("idempotency-key"), Some(TASK.to_string().as_str()));
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    let expected = serde_json::json!({ "model": "sora-2", "prompt": "a heron at dawn", "seconds": "8", "size": "1280x720" });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn an_image_is_submitted_as_a_form() {
    let (storage, path) = storage();
    let key = ObjectKey::reference_image(TASK);
    let image = b"\x89PNG\r\n\x1a\n and the rest".as_slice();
    let chunks = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(image))]);
    storage.put_stream(&key, chunks, None).await.unwrap();
    let reference = StoredFile { key: key.to_string(), content_type: "image/png".into(), size: image.len() as u64, sha256: None };
    let order = Order { kind: "image_to_video".into(), reference: Some(reference), seconds: 0, watermark: true, ..order() };

    let (address, requests) = server(vec![json(200, r#""video_1""#)]);
    let provider = provider(&address, serde_json::json!({ "auth_scheme": "raw" }));
    let submission = provider.prepare(&order, &storage).await.ok().unwrap();
    assert_eq!(provider.submit(submission).await, Outcome::Accepted(id()));
    std::fs::remove_dir_all(path).unwrap();

    let request = requests.recv().unwrap();
    assert_eq!(request.header("authorization"), Some("sk-test"));
    let body = request.text();
    assert!(body.contains(r#"name="input_reference"; filename="reference.png""#), "{body}");
    assert!(body.contains("Content-Type: image/png"));
    assert!(request.body.windows(image.len()).any(|window| window == image));
    for (field, value) in [("model", "sora-2"), ("prompt", "a heron at dawn"), ("size", "1280x720"), ("watermark", "true")] {
        assert!(body.contains(&format!("name=\"{field}\"\r\n\r\n{value}\r\n")), "{field}");
    }
    assert!(!body.contains("seconds"));
}

#[tokio::test]
async fn what_cannot_be_submitted_never_leaves() {
    let (storage, path) = storage();
    let provider = plain("http://127.0.0.1:1");
    let gone =
        StoredFile { key: ObjectKey::reference_image(TASK).to_string(), content_type: "image/png".into(), size: 1, sha256: None };
    let cases = [
        (Order { kind: "image_to_3d".into(), ..order() }, FailureCode::UnsupportedJob),
        (Order { kind: "image_to_video".into(), ..order() }, FailureCode::UnsupportedJob),
        (Order { kind: "image_to_video".into(), reference: Some(gone), ..order() }, FailureCode::ReferenceImageMissing),
    ];
    for (order, expected) in cases {
        let outcome = provider.prepare(&order, &storage).await.err().unwrap();
        assert_eq!(failure_code(&outcome), Some(expected));
    }
    std::fs::remove_dir_all(path).unwrap();
}

#[tokio::test]
async fn only_a_submission_that_did_not_leave_may_be_repeated() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(submit(&plain(&format!("http://{unused}")), &order()).await, Outcome::again());
    assert_eq!(submit(&plain("http://no-such-host.invalid"), &order()).await, Outcome::again());
    for play in [Play::Cut, Play::Silence, json(500, ""), json(200, r#"{"id":"#)] {
        let (address, _requests) = server(vec![play]);
        assert_eq!(submit(&plain(&address), &order()).await, Outcome::Ambiguous);
    }
    let (address, _requests) = server(vec![Play::Answer(429, "retry-after: 7\r\n", Vec::new())]);
    let wait = Some(Duration::from_secs(7));
    assert_eq!(submit(&plain(&address), &order()).await, Outcome::Again { retry_after: wait });
}

#[tokio::test]
async fn a_redirect_does_not_carry_a_submission_elsewhere() {
    let (elsewhere, requests) = server(vec![json(200, r#"{"id":"video_1"}"#)]);
    let location: &'static str = format!("location: {elsewhere}\r\n").leak();
    let (address, _requests) = server(vec![Play::Answer(307, location, Vec::new())]);
    assert_eq!(failure_code(&submit(&plain(&address), &order()).await), Some(FailureCode::SubmissionRefused));
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn polls_understand_what_they_can() {
    let (address, requests) = server(vec![
        json(200, r#"{"id":"video_1","status":"in_progress","progress":40}"#),
        json(200, r#"{"id":"video_1","status":"dreaming"}"#),
        json(200, r#"{"id":"video_1","status":"failed","error":{"message":"no herons"}}"#),
        json(200, r#"{"id":"video_1","sta"#),
        json(404, "{}"),
        Play::Answer(503, "retry-after: 3\r\n", Vec::new()),
        Play::Cut,
        json(200, r#"{"id":"video_1","status":"completed"}"#),
    ]);
    let provider = plain(&address);
    let generating = |percent| Outcome::Reported { phase: JobPhase::Generating, progress: Progress::clamped(percent) };
    assert_eq!(provider.poll(&id()).await, generating(40));
    assert_eq!(provider.poll(&id()).await, generating(0));
    assert!(matches!(provider.poll(&id()).await, Outcome::Failed(failure) if failure.message == "no herons"));
    assert_eq!(provider.poll(&id()).await, Outcome::again());
    assert_eq!(provider.poll(&id()).await, Outcome::Missing);
    assert_eq!(provider.poll(&id()).await, Outcome::Again { retry_after: Some(Duration::from_secs(3)) });
    assert_eq!(provider.poll(&id()).await, Outcome::again());
    assert_eq!(provider.poll(&id()).await, Outcome::Finished);
    assert_eq!(requests.recv().unwrap().line, "GET /sora/v1/videos/video_1 HTTP/1.1");
}

#[tokio::test]
async fn an_id_stays_one_part_of_the_address() {
    let (address, requests) = server(vec![json(404, "")]);
    plain(&address).poll(&"../admin?x=1".parse().unwrap()).await;
    assert_eq!(requests.recv().unwrap().line, "GET /sora/v1/videos/..%2Fadmin%3Fx=1 HTTP/1.1");
}

#[tokio::test]
async fn a_submission_is_found_by_its_key() {
    let first = r#"{"data":[{"id":"video_9"}],"has_more":true,"last_id":"video_9"}"#;
    let second = format!(r#"{{"data":[{{"id":"video_1","metadata":{{"idempotency_key":"{TASK}"}}}}],"has_more":false}}"#);
    let (address, requests) = server(vec![json(200, first), json(200, &second), json(200, r#"{"data":[]}"#)]);
    let provider = provider(&address, serde_json::json!({ "lookup": "list" }));
    assert!(provider.can_look_up());
    assert_eq!(provider.find(TASK).await, Outcome::Accepted(id()));
    assert_eq!(provider.find(TASK).await, Outcome::Missing);
    assert!(requests.recv().unwrap().line.starts_with("GET /sora/v1/videos?limit=100&order=desc HTTP"));
    assert!(requests.recv().unwrap().line.contains("&after=video_9 "));
}

#[tokio::test]
async fn a_file_is_read_from_content() {
    let (address, requests) = server(vec![Play::Answer(200, "", MP4.into()), json(404, "")]);
    let provider = plain(&address);
    let media = provider.video(&id()).await.ok().unwrap();
    assert_eq!(media.content_type, "video/mp4");
    let bytes: Vec<Bytes> = media.stream.try_collect().await.unwrap();
    assert_eq!(bytes.concat(), MP4);
    assert!(matches!(provider.thumbnail(&id()).await, Err(NoMedia::Absent)));
    assert_eq!(requests.recv().unwrap().line, "GET /sora/v1/videos/video_1/content HTTP/1.1");
    assert_eq!(requests.recv().unwrap().line, "GET /sora/v1/videos/video_1/content?variant=thumbnail HTTP/1.1");
}

#[tokio::test]
async fn a_file_elsewhere_is_read_without_our_key() {
    let (elsewhere, files) = server(vec![Play::Answer(200, "", MP4.into())]);
    let completed = format!(r#"{{"id":"video_1","status":"completed","video_url":"{elsewhere}/v.mp4?sig=1"}}"#);
    let (address, requests) = server(vec![json(404, ""), json(200, &completed)]);
    assert!(plain(&address).video(&id()).await.is_ok());
    assert_eq!(requests.recv().unwrap().header("authorization"), Some("Bearer sk-test"));
    let request = files.recv().unwrap();
    assert_eq!(request.line, "GET /v.mp4?sig=1 HTTP/1.1");
    assert_eq!(request.header("authorization"), None);
}

#[tokio::test]
async fn what_is_no_video_is_not_taken_for_one() {
    let completed = || json(200, r#"{"id":"video_1","status":"completed"}"#);
    for body in [r#"{"error":"expired"}"#, "<!doctype html>", ""] {
        let (address, _requests) = server(vec![json(200, body), completed()]);
        assert!(matches!(plain(&address).video(&id()).await, Err(NoMedia::Absent)), "{body}");
    }
    for play in [json(500, ""), json(403, ""), Play::Cut, Play::Short(200, "", b"\0\0\0".into(), 9)] {
        let (address, _requests) = server(vec![play]);
        assert!(matches!(plain(&address).video(&id()).await, Err(NoMedia::Later { .. })));
    }
}

#[tokio::test]
async fn a_cancellation_is_told_where_it_can_be() {
    let (address, requests) = server(vec![json(200, "{}"), json(404, ""), json(500, "")]);
    let told = plain(&address);
    assert_eq!(told.remove(&id()).await, Outcome::Removed);
    assert_eq!(told.remove(&id()).await, Outcome::Removed);
    assert_eq!(told.remove(&id()).await, Outcome::again());
    assert_eq!(requests.recv().unwrap().line, "DELETE /sora/v1/videos/video_1 HTTP/1.1");
    let silent = provider("http://127.0.0.1:1", serde_json::json!({ "cancel": "none" }));
    assert_eq!(silent.remove(&id()).await, Outcome::Removed);
}

#[test]
fn bad_settings_are_refused() {
    for settings in [
        serde_json::json!({ "base_url": "ftp://example.com" }),
        serde_json::json!({ "base_url": "example.com" }),
        serde_json::json!({ "base_url": "http://example.com", "call_timeout_seconds": 0 }),
        serde_json::json!({ "base_url": "http://example.com", "kind": "dreams" }),
        serde_json::json!({ "base_url": "http://example.com", "secret": "x" }),
        serde_json::json!({}),
    ] {
        assert!(serde_json::from_value::<ProviderSettings>(settings.clone()).is_err(), "{settings}");
    }
}
