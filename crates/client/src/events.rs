//! Live updates over the WebSocket.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message},
};

use crate::ClientError;

/// A WebSocket to the gateway. Protocol pings are answered while frames are waited for.
#[derive(Debug)]
pub struct Events {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Events {
    pub(crate) async fn connect(url: &str) -> Result<Self, ClientError> {
        let (socket, _) = connect_async(url).await.map_err(failed)?;
        Ok(Self { socket })
    }

    /// Sends the token and waits for the verdict. Other frames that come before it are dropped.
    ///
    /// # Errors
    ///
    /// [`ClientError::SocketUnauthorized`] when the token is refused.
    pub async fn authenticate(&mut self, token: &str) -> Result<Frame, ClientError> {
        self.send("auth", json!({ "token": token })).await?;
        loop {
            let frame = self.next().await?;
            match frame.kind() {
                "authSuccess" => return Ok(frame),
                "authFailed" => {
                    let reason = frame.payload()["error"].as_str().unwrap_or("no reason given");
                    return Err(ClientError::SocketUnauthorized(reason.to_owned()));
                }
                _ => {}
            }
        }
    }

    /// Asks for the updates of a task. The answer comes as a frame: `subscribeSuccess`, and then the present state.
    ///
    /// # Errors
    ///
    /// [`ClientError::Socket`] when the connection broke.
    pub async fn subscribe(&mut self, video_id: &str) -> Result<(), ClientError> {
        self.send("subscribe_task", json!({ "videoId": video_id })).await
    }

    /// Sends a frame of this type.
    ///
    /// # Errors
    ///
    /// [`ClientError::Socket`] when the connection broke.
    pub async fn send(&mut self, kind: &str, payload: Value) -> Result<(), ClientError> {
        let milliseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.send_raw(&json!({ "type": kind, "timestamp": milliseconds as u64, "payload": payload }).to_string()).await
    }

    /// Sends a text as it is.
    ///
    /// # Errors
    ///
    /// [`ClientError::Socket`] when the connection broke.
    pub async fn send_raw(&mut self, text: &str) -> Result<(), ClientError> {
        self.socket.send(Message::text(text)).await.map_err(failed)
    }

    /// The next frame, as long as it may take. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// [`ClientError::SocketClosed`] at the end, [`ClientError::Socket`] when the connection broke,
    /// [`ClientError::UnexpectedBody`] for text that is not JSON.
    pub async fn next(&mut self) -> Result<Frame, ClientError> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text)
                        .map(Frame)
                        .map_err(|source| ClientError::UnexpectedBody { body: text.to_string(), source });
                }
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) =
                        frame.map_or((None, String::new()), |frame| (Some(frame.code.into()), frame.reason.to_string()));
                    return Err(ClientError::SocketClosed { code, reason });
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(failed(error)),
                None => return Err(ClientError::SocketClosed { code: None, reason: String::new() }),
            }
        }
    }

    /// Says goodbye. The connection ends in any case.
    pub async fn close(mut self) {
        // The server notices without it, only later.
        let _ = self.socket.close(None).await;
    }
}

fn failed(error: tungstenite::Error) -> ClientError {
    ClientError::Socket(Box::new(error))
}

/// A frame from the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame(pub Value);

impl Frame {
    /// Its `type`; empty when there is none.
    pub fn kind(&self) -> &str {
        self.0["type"].as_str().unwrap_or_default()
    }

    /// Its `payload`; null when there is none.
    pub fn payload(&self) -> &Value {
        &self.0["payload"]
    }

    /// What it tells about a task; none for a frame about something else.
    pub fn task_update(&self) -> Option<TaskUpdate> {
        if !matches!(self.kind(), "taskStatus" | "taskProgress" | "taskCompleted" | "taskFailed" | "taskCancelled") {
            return None;
        }
        let payload = self.payload();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let video_id = text(&payload["videoId"]);
        // The present state may already be the last one, so the status counts and not only the type.
        let status = match self.kind() {
            "taskCompleted" => "completed",
            "taskFailed" => "failed",
            "taskCancelled" => "cancelled",
            _ => payload["status"].as_str().unwrap_or_default(),
        };
        Some(match status {
            "completed" => TaskUpdate::Completed { video_id },
            "failed" => TaskUpdate::Failed { video_id, message: text(&payload["error"]["message"]) },
            "cancelled" => TaskUpdate::Cancelled { video_id },
            _ => TaskUpdate::Progress {
                video_id,
                percent: payload["progress"].as_u64().unwrap_or_default().min(100) as u8,
                message: text(&payload["message"]),
            },
        })
    }
}

/// What a frame tells about a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskUpdate {
    /// It has not ended.
    Progress {
        video_id: String,
        percent: u8,
        /// For people; may be empty.
        message: String,
    },
    Completed {
        video_id: String,
    },
    Failed {
        video_id: String,
        /// For people; may be empty.
        message: String,
    },
    Cancelled {
        video_id: String,
    },
}

impl TaskUpdate {
    /// The task that it is about.
    pub fn video_id(&self) -> &str {
        match self {
            Self::Progress { video_id, .. }
            | Self::Completed { video_id }
            | Self::Failed { video_id, .. }
            | Self::Cancelled { video_id } => video_id,
        }
    }

    /// True when the task will not change any more.
    pub fn is_terminal(&self) -> bool {
        !matches!(self, Self::Progress { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn update(frame: Value) -> Option<TaskUpdate> {
        Frame(frame).task_update()
    }

    #[test]
    fn frames_about_tasks() {
        let video_id = "video_1".to_owned();
        let frame = |kind: &str, rest: Value| {
            let mut payload = json!({ "videoId": "video_1" });
            payload.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            json!({ "type": kind, "timestamp": 1, "payload": payload })
        };
        let progress =
            |percent, message: &str| TaskUpdate::Progress { video_id: video_id.clone(), percent, message: message.to_owned() };
        assert_eq!(
            update(frame("taskProgress", json!({ "status": "in_progress", "progress": 42, "message": "Generating" }))),
            Some(progress(42, "Generating"))
        );
        assert_eq!(update(frame("taskStatus", json!({ "status": "queued", "progress": 0 }))), Some(progress(0, "")));
        let failed = TaskUpdate::Failed { video_id: video_id.clone(), message: "no".to_owned() };
        for kind in ["taskFailed", "taskStatus"] {
            let rest = json!({ "status": "failed", "error": { "message": "no" } });
            assert_eq!(update(frame(kind, rest)), Some(failed.clone()));
        }
        let completed = update(frame("taskStatus", json!({ "status": "completed" }))).unwrap();
        assert!(completed.is_terminal());
        assert_eq!(completed.video_id(), "video_1");
        assert_eq!(update(frame("taskCancelled", json!({}))), Some(TaskUpdate::Cancelled { video_id }));
        assert_eq!(update(json!({ "type": "heartbeat", "payload": { "uptime": 3 } })), None);
        assert_eq!(update(json!(3)), None);
    }
}
