use serde_json::{Map, Value};

/// Longest reason in characters that is passed on to a user.
const MAX_CHARACTERS: usize = 500;
/// Reasons within reasons that are followed.
const MAX_DEPTH: u8 = 5;

const MESSAGE_FIELDS: [&str; 8] = ["message", "msg", "detail", "error", "errors", "reason", "fail_reason", "description"];
const CODE_FIELDS: [&str; 3] = ["code", "error_code", "type"];

/// Why the provider says no.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Reason {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

impl Reason {
    /// The reason is in what was asked for, so asking again for the same is in vain.
    pub(super) fn is_about_the_request(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default().to_ascii_lowercase();
        ["moderation", "policy", "invalid", "unsafe", "sensitive"].iter().any(|word| code.contains(word))
    }
}

/// The reason in a video that carries an error. A present error means failure, whatever else the video says; `null`, `false` and empty
/// ones are no errors.
pub(super) fn of_video(video: &Map<String, Value>) -> Option<Reason> {
    let mut reason = match video.get("error")? {
        Value::Bool(true) => of_failed_video(video),
        error => of_value(error, MAX_DEPTH)?,
    };
    reason.code = reason.code.or_else(|| video.get("error_code").and_then(code));
    Some(reason)
}

/// The reason in a video that says that it failed, wherever that may stand.
pub(super) fn of_failed_video(video: &Map<String, Value>) -> Reason {
    let message = ["error_message", "failure_reason", "fail_reason", "reason", "message", "detail"]
        .iter()
        .find_map(|field| of_value(video.get(*field)?, MAX_DEPTH));
    let mut reason = message.unwrap_or_default();
    reason.code = reason.code.or_else(|| video.get("error_code").and_then(code));
    reason
}

/// The reason in the body of a refusal.
pub(super) fn of_refusal(body: &[u8]) -> Reason {
    let Ok(text) = str::from_utf8(body) else { return Reason::default() };
    match serde_json::from_str(text) {
        Ok(value) => of_value(&value, MAX_DEPTH).unwrap_or_default(),
        // A page for browsers tells a user nothing.
        Err(_) if text.trim_start().starts_with(['<', '{', '[']) => Reason::default(),
        Err(_) => Reason { code: None, message: presentable(text) },
    }
}

/// `None` when the value says that there is no error.
fn of_value(value: &Value, depth: u8) -> Option<Reason> {
    let deeper = depth.checked_sub(1)?;
    match value {
        Value::Null | Value::Bool(_) => None,
        Value::Number(number) => (number.as_f64() != Some(0.0)).then(|| Reason { code: code(value), message: None }),
        Value::String(text) => of_text(text, deeper),
        Value::Array(items) => items.iter().find_map(|item| of_value(item, deeper)),
        Value::Object(object) => of_object(object, deeper),
    }
}

/// Some providers put the JSON of *their* provider into a string.
fn of_text(text: &str, depth: u8) -> Option<Reason> {
    if text.trim_start().starts_with(['{', '['])
        && let Ok(inner) = serde_json::from_str::<Value>(text)
    {
        return of_value(&inner, depth);
    }
    presentable(text).map(|message| Reason { code: None, message: Some(message) })
}

fn of_object(object: &Map<String, Value>, depth: u8) -> Option<Reason> {
    if object.is_empty() {
        return None;
    }
    let inner = MESSAGE_FIELDS.iter().find_map(|field| of_value(object.get(*field)?, depth)).unwrap_or_default();
    let own = CODE_FIELDS.iter().find_map(|field| object.get(*field).and_then(code));
    Some(Reason { code: inner.code.or(own), message: inner.message })
}

fn code(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().chars().take(64).collect()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn presentable(text: &str) -> Option<String> {
    let words: String =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    (!words.is_empty()).then(|| words.chars().take(MAX_CHARACTERS).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(code: Option<&str>, message: &str) -> Reason {
        Reason { code: code.map(str::to_owned), message: Some(message.to_owned()) }
    }

    #[test]
    fn every_known_shape_of_an_error_is_read() {
        let cases = [
            (json!("out of dragons"), told(None, "out of dragons")),
            (json!({ "message": "no dragons" }), told(None, "no dragons")),
            (json!({ "message": "no dragons", "type": "invalid_request_error", "code": "bad" }), told(Some("bad"), "no dragons")),
            (json!({ "message": "no dragons", "code": null, "type": "server" }), told(Some("server"), "no dragons")),
            (json!({ "detail": { "code": "policy", "message": "not this" } }), told(Some("policy"), "not this")),
            (json!({ "detail": "plainly not" }), told(None, "plainly not")),
            (json!({ "message": r#"{"error":{"message":"inner","code":"deep"}}"#, "code": 500 }), told(Some("deep"), "inner")),
            (json!({ "message": "{not json" }), told(None, "{not json")),
            (
                json!([{ "loc": ["body", "size"], "msg": "bad size", "type": "value_error" }]),
                told(Some("value_error"), "bad size"),
            ),
            (json!({ "code": 7 }), Reason { code: Some("7".into()), message: None }),
            (json!(13), Reason { code: Some("13".into()), message: None }),
            (json!("two\nlines\t\u{7}and a bell"), told(None, "two lines and a bell")),
        ];
        for (error, expected) in cases {
            let video = json!({ "id": "v", "status": "in_progress", "error": error });
            assert_eq!(of_video(video.as_object().unwrap()), Some(expected), "{video}");
        }
    }

    #[test]
    fn an_absent_error_is_none() {
        for error in [json!(null), json!(false), json!(""), json!("  "), json!({}), json!([]), json!(0)] {
            assert_eq!(of_video(json!({ "error": error }).as_object().unwrap()), None, "{error}");
        }
        assert_eq!(of_video(json!({ "message": "fine" }).as_object().unwrap()), None);
    }

    #[test]
    fn a_flag_or_a_code_beside_the_error_counts() {
        let video = json!({ "error": true, "message": "broken", "error_code": "E7" });
        assert_eq!(of_video(video.as_object().unwrap()), Some(told(Some("E7"), "broken")));
        let video = json!({ "error": "broken", "error_code": "content_policy_violation" });
        let reason = of_video(video.as_object().unwrap()).unwrap();
        assert!(reason.is_about_the_request());
        assert!(!told(Some("internal"), "broken").is_about_the_request());
    }

    #[test]
    fn refusals_are_read_in_whatever_form() {
        assert_eq!(of_refusal(br#"{"error":{"message":"bad size","code":"size"}}"#), told(Some("size"), "bad size"));
        assert_eq!(of_refusal(br#"{"success":false,"message":"bad size"}"#), told(None, "bad size"));
        assert_eq!(of_refusal(b"bad size"), told(None, "bad size"));
        for nothing in [&b""[..], b"<html><body>Bad gateway</body></html>", b"{\"error\":", b"\xff\xfe"] {
            assert_eq!(of_refusal(nothing), Reason::default());
        }
    }

    #[test]
    fn long_and_deep_reasons_are_cut() {
        let long = of_refusal("x".repeat(10_000).as_bytes()).message.unwrap();
        assert_eq!(long.len(), MAX_CHARACTERS);
        let mut deep = json!("bottom");
        for _ in 0..100 {
            deep = json!({ "error": deep });
        }
        assert_eq!(of_refusal(deep.to_string().as_bytes()).message, None);
    }
}
