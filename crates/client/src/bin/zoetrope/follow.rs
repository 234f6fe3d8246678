//! Follows a task over the WebSocket until it ends, through lost connections.

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{sleep, timeout};
use zoetrope_client::{Client, ClientError, TaskUpdate};

use crate::display::Display;

/// Connections that may fail one after the other.
const ATTEMPTS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The server sends a heartbeat every 30 s.
const SILENCE: Duration = Duration::from_secs(90);

/// Returns when the task is completed; any other end is an error.
pub(crate) async fn until_completed(client: &Client, video_id: &str, display: &mut Display) -> anyhow::Result<()> {
    let mut failures = 0;
    loop {
        let error = match watch(client, video_id, display, &mut failures).await {
            Ok(End::Completed) => return Ok(()),
            Ok(End::Failed(message)) => bail!("the task failed: {message}"),
            Ok(End::Cancelled) => bail!("the task was cancelled"),
            Err(error) => error,
        };
        failures += 1;
        if failures >= ATTEMPTS || matches!(error, ClientError::SocketUnauthorized(_)) {
            return Err(error).context("the task cannot be followed any more");
        }
        sleep(pause(failures)).await;
    }
}

/// How a task ended.
enum End {
    Completed,
    /// Why.
    Failed(String),
    Cancelled,
}

/// Follows over one connection. The server tells the present state at once, so nothing is missed between two connections.
async fn watch(client: &Client, video_id: &str, display: &mut Display, failures: &mut u32) -> Result<End, ClientError> {
    let mut events = client.events().await?;
    events.authenticate(client.token().unwrap_or_default()).await?;
    events.subscribe(video_id).await?;
    loop {
        let silent = ClientError::SocketClosed { code: None, reason: String::new() };
        let frame = timeout(SILENCE, events.next()).await.map_err(|_| silent)??;
        if frame.kind() == "error" {
            // The task may not be known there yet, or a server behind it is away: another try may do better.
            return Err(ClientError::SocketRefused(frame.payload()["message"].as_str().unwrap_or_default().to_owned()));
        }
        let update = frame.task_update();
        if update.is_some() {
            *failures = 0;
        }
        match update.filter(|update| update.video_id() == video_id) {
            Some(TaskUpdate::Progress { percent, message, .. }) => display.progress(percent, &message),
            Some(TaskUpdate::Completed { .. }) => return Ok(End::Completed),
            Some(TaskUpdate::Failed { message, .. }) => return Ok(End::Failed(message)),
            Some(TaskUpdate::Cancelled { .. }) => return Ok(End::Cancelled),
            None => {}
        }
    }
}

fn pause(failures: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.saturating_pow(failures.saturating_sub(1))).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use futures_util::{SinkExt, StreamExt};
    use serde_json::{Value, json};
    use tokio::net::TcpListener;
    use tokio_tungstenite::{accept_async, tungstenite::Message};

    use super::*;

    /// Serves one connection for each list of frames, and closes it behind the last frame.
    async fn serve(listener: &TcpListener, connections: Vec<Vec<Value>>) {
        for frames in connections {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            // The token, and then the subscription.
            socket.next().await.unwrap().unwrap();
            socket.send(Message::text(json!({ "type": "authSuccess", "payload": {} }).to_string())).await.unwrap();
            socket.next().await.unwrap().unwrap();
            for frame in frames {
                socket.send(Message::text(frame.to_string())).await.unwrap();
            }
        }
    }

    async fn follow(connections: Vec<Vec<Value>>) -> anyhow::Result<()> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let mut display = Display::new();
        let (outcome, ()) = tokio::join!(until_completed(&client, "video_1", &mut display), serve(&listener, connections));
        outcome
    }

    fn frame(kind: &str, status: &str) -> Value {
        json!({ "type": kind, "payload": { "videoId": "video_1", "status": status, "progress": 40 } })
    }

    #[tokio::test]
    async fn a_lost_connection_is_made_anew() {
        let connections = vec![
            vec![frame("taskStatus", "queued")],
            vec![frame("taskProgress", "in_progress")],
            vec![frame("taskStatus", "completed")],
        ];
        follow(connections).await.unwrap();
    }

    #[tokio::test]
    async fn a_refused_subscription_is_tried_again() {
        let refused = json!({ "type": "error", "payload": { "code": "NOT_FOUND", "message": "no such task" } });
        follow(vec![vec![refused], vec![frame("taskStatus", "completed")]]).await.unwrap();
    }

    #[tokio::test]
    async fn another_end_than_completion_is_an_error() {
        let failed = json!({
            "type": "taskFailed",
            "payload": { "videoId": "video_1", "error": { "code": "GENERATION_FAILED", "message": "content policy" } },
        });
        let error = follow(vec![vec![failed]]).await.unwrap_err();
        assert_eq!(error.to_string(), "the task failed: content policy");
        let error = follow(vec![vec![frame("taskCancelled", "cancelled")]]).await.unwrap_err();
        assert_eq!(error.to_string(), "the task was cancelled");
    }

    #[test]
    fn pauses_grow_up_to_a_limit() {
        assert_eq!(pause(1), FIRST_PAUSE);
        assert_eq!(pause(3), FIRST_PAUSE * 4);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
