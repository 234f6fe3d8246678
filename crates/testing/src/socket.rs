use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::Platform;

/// A WebSocket client that speaks frames.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// A frame from the server.
#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: String,
    /// `null` in the flat dialect.
    pub payload: Value,
    /// From where to resume.
    pub event_id: Option<String>,
    pub raw: Value,
}

const PATIENCE: Duration = Duration::from_secs(30);

impl Socket {
    /// A connection that has not authenticated yet.
    pub async fn open(platform: &Platform) -> Result<Self> {
        Self::connect(&platform.gateway_url()).await
    }

    /// The same at the gateway, or at one replica, with this address.
    pub async fn connect(base_url: &str) -> Result<Self> {
        let (stream, _) = connect_async(format!("{}/ws", base_url.replacen("http", "ws", 1))).await?;
        Ok(Self { stream })
    }

    pub async fn send_text(&mut self, text: &str) -> Result<()> {
        Ok(self.stream.send(Message::text(text)).await?)
    }

    pub async fn send_raw(&mut self, frame: Value) -> Result<()> {
        self.send_text(&frame.to_string()).await
    }

    pub async fn send(&mut self, kind: &str, payload: Value) -> Result<()> {
        self.send_raw(json!({ "type": kind, "timestamp": 1_763_700_000_000_u64, "payload": payload })).await
    }

    /// Subscribes and waits for the acknowledgement; the frames of the task follow.
    pub async fn subscribe(&mut self, video_id: &str) -> Result<()> {
        self.send("subscribe_task", json!({ "videoId": video_id })).await
    }

    /// Asks for everything of the user, from where it was left if it was, and returns the answer.
    pub async fn subscribe_user(&mut self, last_event_id: Option<&str>) -> Result<Frame> {
        self.send("subscribe_user", json!({ "lastEventId": last_event_id })).await?;
        let answer = self.next().await?;
        ensure!(answer.kind == "subscribeSuccess", "{}", answer.raw);
        Ok(answer)
    }

    /// Returns the frames that come before the answer to a ping: everything that was on its way.
    pub async fn pending(&mut self) -> Result<Vec<Frame>> {
        self.send("ping", Value::Null).await?;
        let mut frames = Vec::new();
        loop {
            match self.next().await? {
                pong if pong.kind == "pong" => return Ok(frames),
                frame => frames.push(frame),
            }
        }
    }

    /// The next frame that is not a heartbeat. A close or half a minute of silence is an error.
    pub async fn next(&mut self) -> Result<Frame> {
        loop {
            let message = timeout(PATIENCE, self.stream.next()).await.context("no frame came")?;
            match message.context("the connection ended")?? {
                Message::Text(text) => {
                    let raw: Value = serde_json::from_str(&text)?;
                    let kind = raw["type"].as_str().context("a frame without type")?.to_owned();
                    if kind != "heartbeat" {
                        let event_id = raw["eventId"].as_str().map(str::to_owned);
                        return Ok(Frame { kind, payload: raw["payload"].clone(), event_id, raw });
                    }
                }
                Message::Close(close) => bail!("closed: {close:?}"),
                _ => {}
            }
        }
    }

    /// The next frame that tells of a task's state.
    pub async fn next_task_frame(&mut self) -> Result<Frame> {
        loop {
            let frame = self.next().await?;
            match frame.kind.as_str() {
                "subscribeSuccess" => {}
                kind if kind.starts_with("task") => return Ok(frame),
                _ => bail!("unexpected frame {}", frame.raw),
            }
        }
    }

    /// The next frame that tells of this task's state.
    pub async fn next_of(&mut self, video_id: &str) -> Result<Frame> {
        loop {
            let frame = self.next_task_frame().await?;
            if frame.payload["videoId"] == video_id {
                return Ok(frame);
            }
        }
    }

    /// The payload of the first frame of this kind, or of a `taskStatus` that tells the same state.
    pub async fn until(&mut self, video_id: &str, kind: &str) -> Result<Value> {
        loop {
            let frame = self.next_of(video_id).await?;
            let status = frame.payload["status"].as_str().unwrap_or_default();
            let told_at_once = frame.kind == "taskStatus"
                && matches!(
                    (kind, status),
                    ("taskCompleted", "completed") | ("taskFailed", "failed") | ("taskCancelled", "cancelled")
                );
            if frame.kind == kind || told_at_once {
                return Ok(frame.payload);
            }
        }
    }

    /// Waits for the end of the connection; the close code when there is one.
    pub async fn closed(&mut self) -> Result<Option<u16>> {
        loop {
            match timeout(PATIENCE, self.stream.next()).await.context("the connection stays open")? {
                None | Some(Err(_)) => return Ok(None),
                Some(Ok(Message::Close(close))) => return Ok(close.map(|close| close.code.into())),
                Some(Ok(_)) => {}
            }
        }
    }
}
