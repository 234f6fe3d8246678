//! The dialect of `sora_ui`.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use zoetrope_domain::{TaskId, TaskStep};
use zoetrope_storage::MediaLinks;

use super::{Facts, Outgoing, ServerFrame, view};
use crate::task::{Ending, TaskSnapshot};

/// `{ "type", "id"?, "timestamp", "payload" }`; the timestamp is in Unix milliseconds.
pub fn text(outgoing: &Outgoing, links: &MediaLinks, facts: &Facts) -> String {
    let mut envelope = Map::new();
    envelope.insert("type".to_owned(), outgoing.kind().into());
    if let Some(id) = &outgoing.id {
        envelope.insert("id".to_owned(), json!(id));
    }
    envelope.insert("timestamp".to_owned(), facts.now.timestamp_millis().into());
    envelope.insert("payload".to_owned(), payload(&outgoing.frame, links, facts));
    Value::Object(envelope).to_string()
}

fn payload(frame: &ServerFrame, links: &MediaLinks, facts: &Facts) -> Value {
    match frame {
        ServerFrame::Connected { connection } => json!({
            "connectionId": connection.to_string(),
            "serverVersion": env!("CARGO_PKG_VERSION"),
            "capabilities": ["task_progress", "realtime_updates"],
        }),
        ServerFrame::AuthSuccess { user, username, connection, expires_at } => json!({
            "userId": user,
            "username": username,
            "sessionId": connection.to_string(),
            "expiresAt": expires_at.map(|moment| moment.timestamp_millis()),
        }),
        ServerFrame::AuthFailed { error } => json!({ "error": error }),
        ServerFrame::AuthExpired => json!({ "error": "token has expired" }),
        ServerFrame::SubscribeSuccess(task) => json!({ "videoId": task.to_video_id(), "subscribed": true }),
        ServerFrame::UnsubscribeSuccess(task) => json!({ "videoId": task.to_video_id(), "subscribed": false }),
        ServerFrame::UserSubscribed { last_event_id } => {
            json!({ "subscribed": true, "lastEventId": last_event_id.map(|id| id.to_string()) })
        }
        ServerFrame::UserUnsubscribed => json!({ "subscribed": false }),
        ServerFrame::TaskStatus(update) => status(&update.task, links, facts.now),
        ServerFrame::TaskUpdated(update) => updated(&update.task, links, facts.now),
        ServerFrame::Push(update) | ServerFrame::Missed(update) => change(&update.task, links, facts.now),
        ServerFrame::Resync { task, states } => {
            let tasks: Vec<Value> = states.iter().map(|update| status(&update.task, links, facts.now)).collect();
            match task {
                Some(task) => json!({ "videoId": task.to_video_id(), "tasks": tasks }),
                None => json!({ "tasks": tasks }),
            }
        }
        ServerFrame::Reconnect { retry_after } => json!({ "retryAfterMs": view::milliseconds(*retry_after) }),
        ServerFrame::Pong(_) => json!({}),
        ServerFrame::Heartbeat => json!({ "uptime": facts.uptime.as_secs(), "connectedClients": facts.connected_clients }),
        ServerFrame::Error { code, message, video_id: None } => json!({ "code": code.as_str(), "message": message }),
        ServerFrame::Error { code, message, video_id: Some(video_id) } => {
            json!({ "code": code.as_str(), "message": message, "videoId": video_id })
        }
    }
}

/// `taskProgress`, `taskCompleted`, `taskFailed`, `taskCancelled`.
fn change(task: &TaskSnapshot, links: &MediaLinks, now: DateTime<Utc>) -> Value {
    let mut payload = heading(task);
    match &task.ending {
        None => {
            payload.insert("progress".to_owned(), task.progress.get().into());
            payload.extend(course(task));
        }
        Some(ending) => payload.extend(end(task, ending, links, now)),
    }
    Value::Object(payload)
}

/// `taskStatus`: all that the frames of a change tell.
fn status(task: &TaskSnapshot, links: &MediaLinks, now: DateTime<Utc>) -> Value {
    let mut payload = heading(task);
    payload.insert("progress".to_owned(), task.progress.get().into());
    payload.extend(course(task));
    if let Some(ending) = &task.ending {
        payload.extend(end(task, ending, links, now));
    }
    Value::Object(payload)
}

/// `taskUpdated`.
fn updated(task: &TaskSnapshot, links: &MediaLinks, now: DateTime<Utc>) -> Value {
    let completed = matches!(task.ending, Some(Ending::Completed(_)));
    let error = if let Some(Ending::Failed(failure)) = &task.ending { Some(&failure.message) } else { None };
    json!({
        "videoId": TaskId::to_video_id(task.task_id),
        "status": view::upper_status_word(task.status),
        "progress": task.progress.get(),
        "videoUrl": completed.then(|| links.video_url(task.task_id, now)),
        "error": error,
    })
}

fn heading(task: &TaskSnapshot) -> Map<String, Value> {
    fields([
        ("videoId", task.task_id.to_video_id().into()),
        ("externalVideoId", json!(task.external_id)),
        ("status", view::status_word(task.status).into()),
    ])
}

fn course(task: &TaskSnapshot) -> Map<String, Value> {
    fields([
        ("message", view::message(task).into()),
        ("currentStep", task.step.as_str().into()),
        ("totalSteps", TaskStep::TOTAL.into()),
        ("estimatedTimeRemaining", json!(view::estimated_seconds_remaining(task))),
    ])
}

fn end(task: &TaskSnapshot, ending: &Ending, links: &MediaLinks, now: DateTime<Utc>) -> Map<String, Value> {
    match ending {
        Ending::Completed(output) => fields([
            ("progress", 100.into()),
            ("result", view::result(task, *output, links, now)),
            ("metrics", view::metrics(task)),
        ]),
        Ending::Failed(failure) => fields([("error", view::error(failure))]),
        Ending::Cancelled => fields([("progress", task.progress.get().into())]),
    }
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
