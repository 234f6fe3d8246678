//! The dialect of `photo`.

use std::sync::Arc;

use serde_json::{Value, json};
use zoetrope_storage::MediaLinks;

use super::{Facts, Outgoing, ServerFrame, envelope, server::flat_kind, view};
use crate::task::{Ending, TaskSnapshot, Update};

/// The fields beside `type`; the timestamp is in Unix milliseconds.
pub fn text(outgoing: &Outgoing, links: &MediaLinks, facts: &Facts) -> String {
    let kind = outgoing.kind();
    let timestamp = facts.now.timestamp_millis();
    let frame = match &outgoing.frame {
        ServerFrame::AuthSuccess { user, username, expires_at, .. } => json!({
            "type": kind,
            "message": "signed in",
            "user_id": user,
            "username": username,
            "expires_at": expires_at.map(|moment| moment.timestamp_millis()),
            "timestamp": timestamp,
        }),
        ServerFrame::AuthFailed { error } => {
            json!({ "type": kind, "code": "UNAUTHORIZED", "message": error, "timestamp": timestamp })
        }
        ServerFrame::AuthExpired => json!({
            "type": kind,
            "code": "AUTH_EXPIRED",
            "message": "token has expired: sign in again",
            "timestamp": timestamp,
        }),
        ServerFrame::Push(update)
        | ServerFrame::Missed(update)
        | ServerFrame::TaskStatus(update)
        | ServerFrame::TaskUpdated(update) => change(kind, &update.task, links, facts),
        ServerFrame::Resync { states, .. } => {
            let frame = |update: &Arc<Update>| change(flat_kind(update.task.status), &update.task, links, facts);
            json!({ "type": kind, "tasks": states.iter().map(frame).collect::<Vec<_>>(), "timestamp": timestamp })
        }
        ServerFrame::Reconnect { retry_after } => {
            json!({ "type": kind, "retry_after_ms": view::milliseconds(*retry_after), "timestamp": timestamp })
        }
        ServerFrame::Pong(_) => json!({ "type": kind, "timestamp": timestamp }),
        ServerFrame::Error { code, message, .. } => {
            json!({ "type": kind, "code": code.as_str(), "message": message, "timestamp": timestamp })
        }
        // These belong to the other dialect alone.
        ServerFrame::Connected { .. }
        | ServerFrame::SubscribeSuccess(_)
        | ServerFrame::UnsubscribeSuccess(_)
        | ServerFrame::UserSubscribed { .. }
        | ServerFrame::UserUnsubscribed
        | ServerFrame::Heartbeat => return envelope::text(outgoing, links, facts),
    };
    frame.to_string()
}

fn change(kind: &str, task: &TaskSnapshot, links: &MediaLinks, facts: &Facts) -> Value {
    let timestamp = facts.now.timestamp_millis();
    match &task.ending {
        None => json!({
            "type": kind,
            "task_id": task.task_id,
            "progress": task.progress.get(),
            "message": view::message(task),
            "timestamp": timestamp,
        }),
        Some(Ending::Completed(output)) => json!({
            "type": kind,
            "task_id": task.task_id,
            "result": {
                // Its client counts the images of any result.
                "images": [],
                "ai_description": null,
                "video_url": links.video_url(task.task_id, facts.now),
                "thumbnail_url": output.has_thumbnail.then(|| links.thumbnail_url(task.task_id, facts.now)),
            },
            "timestamp": timestamp,
        }),
        Some(Ending::Failed(failure)) => {
            json!({ "type": kind, "task_id": task.task_id, "error": failure.message, "timestamp": timestamp })
        }
        Some(Ending::Cancelled) => {
            json!({ "type": kind, "task_id": task.task_id, "error": "cancelled", "timestamp": timestamp })
        }
    }
}
