use secrecy::SecretString;
use serde_json::{Map, Value};
use zoetrope_domain::TaskId;

use super::{Dialect, ErrorCode, FrameId, server::NO_SUCH_TASK};
use crate::stream::Start;

/// How many tasks one request may ask about.
const MOST_TASKS: usize = 100;

/// A request that a client sent.
#[derive(Debug)]
pub struct ClientFrame {
    pub id: Option<FrameId>,
    pub request: Request,
}

/// What a client may ask for.
#[derive(Debug)]
pub enum Request {
    /// Signs the connection in, or in again; its form decides the dialect. A missing token is an empty one.
    Auth {
        token: SecretString,
        dialect: Dialect,
        /// For the dialect that follows all tasks at once.
        start: Start,
    },
    /// Wants a sign of life.
    Ping(PingStyle),
    /// A sign of life, which wants no answer.
    Alive,
    Subscribe(TaskId, Start),
    Unsubscribe(TaskId),
    /// Everything of the user.
    SubscribeUser(Start),
    UnsubscribeUser,
    /// The present state of some tasks, once.
    Status(Vec<TaskId>),
}

/// The form of a ping, which is that of its answer. Only the first one is ours; the others are what WebSocket libraries send by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PingStyle {
    /// `{"type":"ping"}`
    Frame,
    /// `ping`
    Text,
    /// `"ping"`
    JsonText,
}

/// A frame that cannot be answered, and what to say about it.
#[derive(Debug, PartialEq)]
pub struct BadFrame {
    pub id: Option<FrameId>,
    pub code: ErrorCode,
    pub message: String,
    /// The task that was meant, in the client's words.
    pub video_id: Option<String>,
}

impl ClientFrame {
    pub fn parse(text: &str) -> Result<Self, BadFrame> {
        if let Some(request) = keep_alive(text, PingStyle::Text) {
            return Ok(Self { id: None, request });
        }
        let mut frame = match serde_json::from_str(text) {
            Ok(Value::Object(frame)) => frame,
            Ok(Value::String(word)) => {
                let request = keep_alive(&word, PingStyle::JsonText).ok_or_else(no_object)?;
                return Ok(Self { id: None, request });
            }
            Ok(_) => return Err(no_object()),
            Err(_) => return Err(BadFrame::invalid("a frame must be JSON")),
        };
        let id = frame.remove("id").and_then(FrameId::from_value);
        match request(&mut frame) {
            Ok(request) => Ok(Self { id, request }),
            Err(bad) => Err(BadFrame { id, ..bad }),
        }
    }
}

impl BadFrame {
    /// Nobody could understand it.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { id: None, code: ErrorCode::Validation, message: message.into(), video_id: None }
    }

    fn no_such_task(video_id: String) -> Self {
        Self { id: None, code: ErrorCode::NotFound, message: NO_SUCH_TASK.to_owned(), video_id: Some(video_id) }
    }
}

fn no_object() -> BadFrame {
    BadFrame::invalid("a frame must be a JSON object")
}

/// A text that only keeps the connection alive, as libraries send them without being told our protocol.
fn keep_alive(text: &str, style: PingStyle) -> Option<Request> {
    match text.trim() {
        word if word.eq_ignore_ascii_case("ping") => Some(Request::Ping(style)),
        word if word.is_empty() || word.eq_ignore_ascii_case("pong") => Some(Request::Alive),
        _ => None,
    }
}

/// The same in an object, under one of the names that libraries have for the type.
fn keep_alive_frame(frame: &Map<String, Value>) -> Option<Request> {
    let word = ["type", "event", "action", "op"].into_iter().find_map(|name| frame.get(name)?.as_str());
    match word {
        Some(word) if word.eq_ignore_ascii_case("heartbeat") => Some(Request::Ping(PingStyle::Frame)),
        Some(word) => keep_alive(word, PingStyle::Frame),
        None => frame.contains_key("ping").then_some(Request::Ping(PingStyle::Frame)),
    }
}

fn request(frame: &mut Map<String, Value>) -> Result<Request, BadFrame> {
    // Whatever comes with it.
    if let Some(request) = keep_alive_frame(frame) {
        return Ok(request);
    }
    let Some(Value::String(kind)) = frame.remove("type") else {
        return Err(BadFrame::invalid("type must be a text"));
    };
    let mut payload = match frame.remove("payload") {
        Some(Value::Object(payload)) => payload,
        None | Some(Value::Null) => Map::new(),
        Some(_) => return Err(BadFrame::invalid("payload must be an object")),
    };
    match kind.as_str() {
        "auth" => Ok(auth(frame, &mut payload)),
        "subscribe_task" => Ok(Request::Subscribe(video_id(&mut payload)?, start(&mut payload))),
        "unsubscribe_task" => Ok(Request::Unsubscribe(video_id(&mut payload)?)),
        "subscribe_user" => Ok(Request::SubscribeUser(start(&mut payload))),
        "unsubscribe_user" => Ok(Request::UnsubscribeUser),
        "requestTaskStatus" => Ok(Request::Status(vec![video_id(&mut payload)?])),
        "requestMultipleTaskStatus" => Ok(Request::Status(video_ids(&mut payload)?)),
        _ => Err(BadFrame::invalid("type is none that this server knows")),
    }
}

/// `sora_ui` puts the token into the payload, `photo` beside the type.
fn auth(frame: &mut Map<String, Value>, payload: &mut Map<String, Value>) -> Request {
    let (token, dialect) = match (payload.remove("token"), frame.remove("token")) {
        (None, Some(token)) => (token, Dialect::Flat),
        (token, _) => (token.unwrap_or_default(), Dialect::Enveloped),
    };
    let token = if let Value::String(token) = token { token } else { String::new() };
    Request::Auth { token: token.into(), dialect, start: start(frame) }
}

/// What cannot be read is an id all the same: of an event that nobody knows.
fn start(fields: &mut Map<String, Value>) -> Start {
    match fields.remove("lastEventId") {
        None | Some(Value::Null) => Start::Present,
        Some(Value::String(text)) => Start::parse(Some(&text)),
        Some(Value::Number(number)) => Start::parse(Some(&number.to_string())),
        Some(_) => Start::Unknown,
    }
}

fn video_id(payload: &mut Map<String, Value>) -> Result<TaskId, BadFrame> {
    task_id(payload.remove("videoId").unwrap_or_default())
}

fn video_ids(payload: &mut Map<String, Value>) -> Result<Vec<TaskId>, BadFrame> {
    match payload.remove("videoIds") {
        Some(Value::Array(ids)) if ids.len() <= MOST_TASKS => ids.into_iter().map(task_id).collect(),
        _ => Err(BadFrame::invalid(format!("videoIds must be a list of up to {MOST_TASKS} ids"))),
    }
}

fn task_id(value: Value) -> Result<TaskId, BadFrame> {
    match value {
        Value::String(text) => TaskId::parse_video_id(&text).map_err(|_| BadFrame::no_such_task(text)),
        _ => Err(BadFrame::invalid("videoId must be a text")),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;
    use zoetrope_domain::FeedPosition;

    use super::*;
    use crate::fixtures::task_id;

    fn parse(frame: Value) -> Result<ClientFrame, BadFrame> {
        ClientFrame::parse(&frame.to_string())
    }

    #[track_caller]
    fn refused(frame: Value) -> BadFrame {
        parse(frame).unwrap_err()
    }

    #[test]
    fn both_dialects_sign_in() {
        let cases = [
            (json!({ "type": "auth", "timestamp": 1, "payload": { "token": "t" } }), "t", Dialect::Enveloped),
            (json!({ "type": "auth", "token": "t" }), "t", Dialect::Flat),
            (json!({ "type": "auth", "token": "flat", "payload": { "token": "t" } }), "t", Dialect::Enveloped),
            (json!({ "type": "auth" }), "", Dialect::Enveloped),
            (json!({ "type": "auth", "payload": { "token": 7 } }), "", Dialect::Enveloped),
            (json!({ "type": "auth", "token": null }), "", Dialect::Flat),
        ];
        for (frame, wanted, dialect) in cases {
            match parse(frame.clone()).unwrap().request {
                Request::Auth { token, dialect: found, start: Start::Present } => {
                    assert_eq!((token.expose_secret(), found), (wanted, dialect), "{frame}");
                }
                other => panic!("{frame} is {other:?}"),
            }
        }
    }

    #[test]
    fn requests_name_their_tasks() {
        let video = task_id(7).to_video_id();
        let request = |kind: &str, payload: Value| parse(json!({ "type": kind, "id": "r-1", "payload": payload })).unwrap();
        let subscribe = request("subscribe_task", json!({ "videoId": video }));
        assert!(matches!(subscribe.request, Request::Subscribe(task, Start::Present) if task == task_id(7)));
        assert_eq!(subscribe.id, Some(FrameId::Text("r-1".to_owned())));
        let unsubscribe = request("unsubscribe_task", json!({ "videoId": task_id(7) }));
        assert!(matches!(unsubscribe.request, Request::Unsubscribe(task) if task == task_id(7)));
        let one = request("requestTaskStatus", json!({ "videoId": video }));
        assert!(matches!(one.request, Request::Status(tasks) if tasks == [task_id(7)]));
        let many = request("requestMultipleTaskStatus", json!({ "videoIds": [video, task_id(8).to_video_id()] }));
        assert!(matches!(many.request, Request::Status(tasks) if tasks == [task_id(7), task_id(8)]));
    }

    #[test]
    fn a_ping_is_understood_in_every_form_that_libraries_send() {
        let frame = |style: PingStyle| move |request: &Request| matches!(request, Request::Ping(found) if *found == style);
        for (text, style) in [
            ("ping", PingStyle::Text),
            ("PING", PingStyle::Text),
            (" ping\n", PingStyle::Text),
            ("\"ping\"", PingStyle::JsonText),
            ("{\"type\":\"ping\"}", PingStyle::Frame),
            ("{\"type\":\"PING\"}", PingStyle::Frame),
            ("{\"type\":\"ping\",\"payload\":null}", PingStyle::Frame),
            ("{\"type\":\"ping\",\"payload\":1763700000000}", PingStyle::Frame),
            ("{\"type\":\"heartbeat\"}", PingStyle::Frame),
            ("{\"event\":\"ping\"}", PingStyle::Frame),
            ("{\"action\":\"ping\"}", PingStyle::Frame),
            ("{\"op\":\"ping\"}", PingStyle::Frame),
            ("{\"ping\":1763700000000}", PingStyle::Frame),
        ] {
            assert!(frame(style)(&ClientFrame::parse(text).unwrap().request), "{text}");
        }
        for text in ["pong", "\"pong\"", "{\"type\":\"pong\"}", "", "\n"] {
            assert!(matches!(ClientFrame::parse(text).unwrap().request, Request::Alive), "{text}");
        }
        let named = parse(json!({ "type": "ping", "id": "p" })).unwrap();
        assert_eq!(named.id, Some(FrameId::Text("p".to_owned())));
        for text in ["pinging", "ping ping", "\"pinging\"", "{\"kind\":\"ping\"}", "[\"ping\"]", "7"] {
            assert!(ClientFrame::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_client_that_comes_back_says_what_it_has_seen() {
        let video = task_id(7).to_video_id();
        let seen = |position| Start::After(FeedPosition::clamped(position));
        for (id, wanted) in [
            (json!("17"), seen(17)),
            (json!(17), seen(17)),
            (json!("0"), seen(0)),
            (json!(null), Start::Present),
            (json!(""), Start::Unknown),
            (json!("17x"), Start::Unknown),
            (json!(-1), Start::Unknown),
            (json!({}), Start::Unknown),
        ] {
            let payload = json!({ "videoId": video, "lastEventId": id });
            let task = parse(json!({ "type": "subscribe_task", "payload": payload })).unwrap().request;
            assert!(matches!(task, Request::Subscribe(_, start) if start == wanted), "{id}");
            let user = parse(json!({ "type": "subscribe_user", "payload": { "lastEventId": id } })).unwrap().request;
            assert!(matches!(user, Request::SubscribeUser(start) if start == wanted), "{id}");
            let auth = parse(json!({ "type": "auth", "token": "t", "lastEventId": id })).unwrap().request;
            assert!(matches!(auth, Request::Auth { start, .. } if start == wanted), "{id}");
        }
        assert!(matches!(parse(json!({ "type": "unsubscribe_user" })).unwrap().request, Request::UnsubscribeUser));
    }

    #[test]
    fn nonsense_is_named() {
        assert_eq!(ClientFrame::parse("{").unwrap_err().message, "a frame must be JSON");
        assert_eq!(refused(json!(["auth"])).message, "a frame must be a JSON object");
        assert_eq!(refused(json!({ "payload": {} })).message, "type must be a text");
        assert_eq!(refused(json!({ "type": 7 })).message, "type must be a text");
        assert_eq!(refused(json!({ "type": "dance", "id": 7 })).id, Some(FrameId::Number(7.into())));
        assert_eq!(refused(json!({ "type": "unsubscribe_user", "payload": [] })).message, "payload must be an object");
        assert_eq!(refused(json!({ "type": "subscribe_task" })).message, "videoId must be a text");
        assert_eq!(refused(json!({ "type": "subscribe_task", "payload": { "videoId": 7 } })).code, ErrorCode::Validation);
        let ids = vec![task_id(1).to_video_id(); 101];
        let too_many = refused(json!({ "type": "requestMultipleTaskStatus", "payload": { "videoIds": ids } }));
        assert_eq!(too_many.message, "videoIds must be a list of up to 100 ids");
    }

    #[test]
    fn an_id_that_no_task_can_have_is_not_found() {
        let bad = refused(json!({ "type": "subscribe_task", "id": "s", "payload": { "videoId": "video_1763_abc" } }));
        assert_eq!(bad.code, ErrorCode::NotFound);
        assert_eq!(bad.video_id.as_deref(), Some("video_1763_abc"));
        assert_eq!(bad.id, Some(FrameId::Text("s".to_owned())));
    }
}
