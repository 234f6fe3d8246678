use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;
use zoetrope_domain::FeedPosition;
use zoetrope_storage::MediaLinkSettings;

use super::*;
use crate::{
    fixtures::{CREATED, cancelled, completed, failed, processing, queued, task_id, user_id},
    frames::{ConnectionId, ErrorCode, FrameId},
    task::Update,
};

const FACTS: Facts = Facts { now: CREATED, uptime: Duration::from_secs(61), connected_clients: 3 };

fn renderer() -> Renderer {
    let settings = MediaLinkSettings {
        public_base_url: "http://localhost:8080".to_owned(),
        secret: "a secret of some length".into(),
        lifetime_seconds: 3600,
    };
    Renderer::new(MediaLinks::new(&settings).unwrap())
}

fn rendered(dialect: Dialect, frame: ServerFrame) -> Value {
    let outgoing = Outgoing { dialect, id: None, event_id: None, frame };
    serde_json::from_str(&renderer().text(&outgoing, || FACTS)).unwrap()
}

fn payload(frame: ServerFrame) -> Value {
    rendered(Dialect::Enveloped, frame)["payload"].take()
}

/// A link ends in a signature that is no business of these tests.
fn cut_link(value: &mut Value) {
    let link = value.as_str().unwrap().split_once('?').unwrap().0.to_owned();
    *value = link.into();
}

fn connection() -> ConnectionId {
    ConnectionId::new(Uuid::from_u128(5))
}

#[test]
fn an_envelope_carries_type_id_time_and_payload() {
    let id = Some(FrameId::Text("p-1".to_owned()));
    let outgoing = Outgoing { dialect: Dialect::Enveloped, id, event_id: None, frame: ServerFrame::Pong(PingStyle::Frame) };
    let text = renderer().text(&outgoing, || FACTS);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value, json!({ "type": "pong", "id": "p-1", "timestamp": 1_763_700_000_000_i64, "payload": {} }));
    assert!(rendered(Dialect::Enveloped, ServerFrame::Pong(PingStyle::Frame)).get("id").is_none());
}

#[test]
fn a_text_ping_is_answered_in_kind() {
    for (style, wanted) in [(PingStyle::Text, "pong"), (PingStyle::JsonText, "\"pong\"")] {
        for dialect in [Dialect::Enveloped, Dialect::Flat] {
            let outgoing = Outgoing { dialect, id: None, event_id: None, frame: ServerFrame::Pong(style) };
            assert_eq!(renderer().text(&outgoing, || FACTS), wanted);
        }
    }
}

#[test]
fn the_greeting_and_the_sign_in_say_who_is_who() {
    assert_eq!(
        payload(ServerFrame::Connected { connection: connection() }),
        json!({
            "connectionId": "ws_00000000000000000000000000000005",
            "serverVersion": env!("CARGO_PKG_VERSION"),
            "capabilities": ["task_progress", "realtime_updates"],
        })
    );
    let success = || ServerFrame::AuthSuccess {
        user: user_id(1),
        username: "ann".to_owned(),
        connection: connection(),
        expires_at: Some(CREATED),
    };
    assert_eq!(
        payload(success()),
        json!({
            "userId": user_id(1),
            "username": "ann",
            "sessionId": "ws_00000000000000000000000000000005",
            "expiresAt": 1_763_700_000_000_i64,
        })
    );
    let flat = rendered(Dialect::Flat, success());
    assert_eq!((&flat["type"], &flat["user_id"]), (&json!("auth_success"), &json!(user_id(1))));
    assert!(flat["message"].is_string());
}

#[test]
fn progress_tells_how_far_and_how_long() {
    let frame = rendered(Dialect::Enveloped, ServerFrame::Push(processing(1, 2, 25)));
    assert_eq!(frame["type"], "taskProgress");
    assert_eq!(
        frame["payload"],
        json!({
            "videoId": task_id(1).to_video_id(),
            "externalVideoId": "ext-1",
            "status": "in_progress",
            "progress": 25,
            "message": "The video is being generated",
            "currentStep": "generating",
            "totalSteps": 7,
            "estimatedTimeRemaining": 54,
        })
    );
    let waiting = payload(ServerFrame::Push(queued(1, 1)));
    assert_eq!((&waiting["status"], &waiting["estimatedTimeRemaining"]), (&json!("queued"), &Value::Null));
}

#[test]
fn a_completed_task_brings_links_and_times() {
    let mut frame = rendered(Dialect::Enveloped, ServerFrame::Push(completed(1, 5)));
    assert_eq!(frame["type"], "taskCompleted");
    let result = &mut frame["payload"]["result"];
    cut_link(&mut result["videoUrl"]);
    cut_link(&mut result["thumbnailUrl"]);
    assert_eq!(
        frame["payload"],
        json!({
            "videoId": task_id(1).to_video_id(),
            "externalVideoId": "ext-1",
            "status": "completed",
            "progress": 100,
            "result": {
                "videoUrl": format!("http://localhost:8080/media/videos/{}/video.mp4", task_id(1)),
                "thumbnailUrl": format!("http://localhost:8080/media/videos/{}/thumbnail.webp", task_id(1)),
                "duration": 8,
                "resolution": "1280x720",
                "fileSize": 1_234_567,
            },
            "metrics": { "totalTime": 50.0, "queueTime": 2.0, "processTime": 48.0 },
        })
    );
}

#[test]
fn what_was_left_to_the_provider_is_null() {
    let mut task = completed(1, 5).task.clone();
    (task.seconds, task.size, task.external_id) = (None, None, None);
    task.ending = Some(crate::task::Ending::Completed(crate::task::TaskOutput { video_size: 9, has_thumbnail: false }));
    let payload = payload(ServerFrame::Push(Arc::new(Update::new(task, None))));
    for absent in ["thumbnailUrl", "duration", "resolution"] {
        assert_eq!(payload["result"].get(absent), Some(&Value::Null), "{absent}");
    }
    assert_eq!(payload.get("externalVideoId"), Some(&Value::Null));
}

#[test]
fn other_ends_say_why() {
    let frame = rendered(Dialect::Enveloped, ServerFrame::Push(failed(1, 5)));
    assert_eq!(frame["type"], "taskFailed");
    assert_eq!(
        frame["payload"],
        json!({
            "videoId": task_id(1).to_video_id(),
            "externalVideoId": "ext-1",
            "status": "failed",
            "error": {
                "code": "GENERATION_FAILED",
                "message": "the provider gave up",
                "details": null,
                "retryable": true,
            },
        })
    );
    let frame = rendered(Dialect::Enveloped, ServerFrame::Push(cancelled(1, 5)));
    assert_eq!((&frame["type"], &frame["payload"]["status"]), (&json!("taskCancelled"), &json!("cancelled")));
}

#[test]
fn a_status_tells_what_the_missed_frames_told() {
    let running = payload(ServerFrame::TaskStatus(processing(1, 2, 25)));
    assert_eq!(running, payload(ServerFrame::Push(processing(1, 2, 25))));
    for ended in [completed(1, 5), failed(1, 5), cancelled(1, 5)] {
        let status = payload(ServerFrame::TaskStatus(Arc::clone(&ended)));
        assert_eq!(status["currentStep"], json!(ended.task.step.as_str()));
        for (field, value) in payload(ServerFrame::Push(ended)).as_object().unwrap() {
            assert_eq!(status.get(field), Some(value), "{field}");
        }
    }
}

#[test]
fn an_answer_about_a_state_uses_the_words_of_the_http_api() {
    let asked = |update| payload(ServerFrame::TaskUpdated(update));
    assert_eq!(
        asked(processing(1, 2, 25)),
        json!({
            "videoId": task_id(1).to_video_id(),
            "status": "PROCESSING",
            "progress": 25,
            "videoUrl": null,
            "error": null,
        })
    );
    assert!(asked(completed(1, 3))["videoUrl"].as_str().unwrap().contains("/video.mp4?"));
    assert_eq!(asked(failed(1, 3))["error"], "the provider gave up");
}

#[test]
fn subscriptions_errors_and_heartbeats() {
    let video = task_id(1).to_video_id();
    assert_eq!(payload(ServerFrame::SubscribeSuccess(task_id(1))), json!({ "videoId": video, "subscribed": true }));
    assert_eq!(payload(ServerFrame::UnsubscribeSuccess(task_id(1))), json!({ "videoId": video, "subscribed": false }));
    assert_eq!(payload(ServerFrame::Heartbeat), json!({ "uptime": 61, "connectedClients": 3 }));
    assert_eq!(payload(ServerFrame::AuthFailed { error: "no".to_owned() }), json!({ "error": "no" }));
    assert_eq!(
        payload(ServerFrame::error(ErrorCode::NotFound, "there is no such task", Some(task_id(1)))),
        json!({ "code": "NOT_FOUND", "message": "there is no such task", "videoId": video })
    );
    let general = payload(ServerFrame::error(ErrorCode::Validation, "what?", None));
    assert_eq!(general, json!({ "code": "VALIDATION_ERROR", "message": "what?" }));
}

#[test]
fn flat_frames_have_their_fields_beside_the_type() {
    let flat = |frame| rendered(Dialect::Flat, frame);
    let timestamp = 1_763_700_000_000_i64;
    assert_eq!(flat(ServerFrame::Pong(PingStyle::Frame)), json!({ "type": "pong", "timestamp": timestamp }));
    assert_eq!(
        flat(ServerFrame::Push(processing(1, 2, 25))),
        json!({
            "type": "task_progress",
            "task_id": task_id(1),
            "progress": 25,
            "message": "The video is being generated",
            "timestamp": timestamp,
        })
    );
    let done = flat(ServerFrame::Push(completed(1, 5)));
    assert_eq!((&done["type"], &done["task_id"]), (&json!("task_complete"), &json!(task_id(1))));
    assert_eq!(done["result"]["images"], json!([]));
    assert!(done["result"]["video_url"].as_str().unwrap().contains("/video.mp4?"));
    let broken = flat(ServerFrame::Push(failed(1, 5)));
    assert_eq!((&broken["type"], &broken["error"]), (&json!("task_failed"), &json!("the provider gave up")));
    let ended = flat(ServerFrame::Push(cancelled(1, 5)));
    assert_eq!((&ended["type"], &ended["error"]), (&json!("task_failed"), &json!("cancelled")));
    for frame in [ServerFrame::AuthExpired, ServerFrame::AuthFailed { error: "no".to_owned() }] {
        assert_eq!(flat(frame)["type"], "error");
    }
    let refused = flat(ServerFrame::error(ErrorCode::Validation, "what?", None));
    assert_eq!((&refused["type"], &refused["message"]), (&json!("error"), &json!("what?")));
}

#[test]
fn a_push_is_rendered_once_for_all_who_hear_it() {
    let update = processing(1, 2, 25);
    let outgoing =
        Outgoing { dialect: Dialect::Enveloped, id: None, event_id: None, frame: ServerFrame::Push(Arc::clone(&update)) };
    let first = renderer().text(&outgoing, || FACTS);
    let later = Facts { now: CREATED + chrono::TimeDelta::seconds(9), ..FACTS };
    assert_eq!(renderer().text(&outgoing, || later), first);
}

#[test]
fn what_tells_of_tasks_says_from_where_to_resume() {
    for dialect in [Dialect::Enveloped, Dialect::Flat] {
        let update = processing(1, 2, 25);
        let text = |event_id: Option<u64>, frame| {
            let event_id = event_id.map(FeedPosition::clamped);
            renderer().text(&Outgoing { dialect, id: None, event_id, frame }, || FACTS)
        };
        let plain = text(None, ServerFrame::Push(Arc::clone(&update)));
        for id in [7, 8] {
            // Shared by streams with different ids.
            let told: Value = serde_json::from_str(&text(Some(id), ServerFrame::Push(Arc::clone(&update)))).unwrap();
            assert_eq!(told["eventId"], id.to_string());
            assert_eq!(told["type"], serde_json::from_str::<Value>(&plain).unwrap()["type"]);
        }
        assert_eq!(text(None, ServerFrame::Missed(Arc::clone(&update))), plain, "it reads like any other change");
        assert!(!plain.contains("eventId"));
    }
}

#[test]
fn a_client_that_must_begin_anew_hears_how_things_are() {
    let states = || vec![processing(1, 2, 25), completed(2, 5)];
    let all = rendered(Dialect::Enveloped, ServerFrame::Resync { task: None, states: states() });
    assert_eq!((&all["type"], &all["payload"]["videoId"]), (&json!("resync"), &Value::Null));
    let tasks = &all["payload"]["tasks"];
    assert_eq!((&tasks[0]["status"], &tasks[1]["status"]), (&json!("in_progress"), &json!("completed")));
    assert_eq!(tasks[0], payload(ServerFrame::TaskStatus(processing(1, 2, 25))));
    let one = payload(ServerFrame::Resync { task: Some(task_id(1)), states: vec![processing(1, 2, 25)] });
    assert_eq!((&one["videoId"], one["tasks"].as_array().unwrap().len()), (&json!(task_id(1).to_video_id()), 1));
    let flat = rendered(Dialect::Flat, ServerFrame::Resync { task: None, states: states() });
    assert_eq!((&flat["type"], &flat["tasks"][1]["type"]), (&json!("resync"), &json!("task_complete")));
    assert_eq!(flat["tasks"][0], rendered(Dialect::Flat, ServerFrame::Push(processing(1, 2, 25))));
}

#[test]
fn a_client_is_asked_to_come_back_later() {
    let reconnect = || ServerFrame::Reconnect { retry_after: Duration::from_micros(1_234_567) };
    assert_eq!(payload(reconnect()), json!({ "retryAfterMs": 1234 }));
    let flat = rendered(Dialect::Flat, reconnect());
    assert_eq!((&flat["type"], &flat["retry_after_ms"]), (&json!("reconnect"), &json!(1234)));
}

#[test]
fn following_everything_tells_where_it_begins() {
    let subscribed = |id: Option<u64>| payload(ServerFrame::UserSubscribed { last_event_id: id.map(FeedPosition::clamped) });
    assert_eq!(subscribed(Some(17)), json!({ "subscribed": true, "lastEventId": "17" }));
    assert_eq!(subscribed(None), json!({ "subscribed": true, "lastEventId": null }));
    assert_eq!(payload(ServerFrame::UserUnsubscribed), json!({ "subscribed": false }));
}
