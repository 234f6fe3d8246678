//! The WebSocket, against a scripted server.

use crate::{Client, ClientError, TaskUpdate};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, accept_async,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

struct Server {
    socket: WebSocketStream<TcpStream>,
}

impl Server {
    async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    async fn receive(&mut self) -> Value {
        serde_json::from_str(self.socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
    }
}

/// Runs the script against one connection, beside the client.
async fn with_server(script: impl AsyncFnOnce(Server), client: impl AsyncFnOnce(Client)) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        script(Server { socket: accept_async(stream).await.unwrap() }).await;
    };
    tokio::join!(server, client(Client::new(&base).unwrap()));
}

#[tokio::test]
async fn a_task_is_followed() {
    let script = async |mut server: Server| {
        server.send(json!({ "type": "connected", "payload": { "connectionId": "ws_1" } })).await;
        let auth = server.receive().await;
        assert_eq!((&auth["type"], &auth["payload"]["token"]), (&json!("auth"), &json!("long")));
        assert!(auth["timestamp"].is_u64());
        server.send(json!({ "type": "authSuccess", "payload": { "userId": "u" } })).await;
        let subscription = server.receive().await;
        assert_eq!(subscription["type"], "subscribe_task");
        assert_eq!(subscription["payload"]["videoId"], "video_1");
        server.send(json!({ "type": "subscribeSuccess", "payload": { "videoId": "video_1", "subscribed": true } })).await;
        server.socket.send(Message::Ping("are you there".into())).await.unwrap();
        server.send(json!({ "type": "taskCompleted", "payload": { "videoId": "video_1" } })).await;
        assert!(server.socket.next().await.unwrap().unwrap().is_pong());
        let close = CloseFrame { code: CloseCode::Restart, reason: "bye".into() };
        server.socket.close(Some(close)).await.unwrap();
    };
    with_server(script, async |client| {
        let mut events = client.events().await.unwrap();
        assert_eq!(events.authenticate("long").await.unwrap().payload()["userId"], "u");
        events.subscribe("video_1").await.unwrap();
        assert_eq!(events.next().await.unwrap().kind(), "subscribeSuccess");
        let update = events.next().await.unwrap().task_update();
        assert_eq!(update, Some(TaskUpdate::Completed { video_id: "video_1".to_owned() }));
        match events.next().await {
            Err(ClientError::SocketClosed { code: Some(1012), reason }) => assert_eq!(reason, "bye"),
            other => panic!("{other:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_refused_token_is_told() {
    let script = async |mut server: Server| {
        server.receive().await;
        server.send(json!({ "type": "authFailed", "payload": { "error": "expired" } })).await;
    };
    with_server(script, async |client| {
        let mut events = client.events().await.unwrap();
        let error = events.authenticate("old").await.unwrap_err();
        assert!(matches!(&error, ClientError::SocketUnauthorized(reason) if reason == "expired"), "{error:?}");
    })
    .await;
}
