use serde_json::Value;

use super::{
    envelope::Opened,
    json::{self, Content, Fields, first_field},
    status,
};

/// Longest reason in characters that is passed on to a user.
const MAX_CHARACTERS: usize = 500;
/// Longest code in characters that is looked at.
const MAX_CODE: usize = 64;
/// Reasons within reasons that are followed.
const MAX_DEPTH: u8 = 5;

const MESSAGE_FIELDS: [&str; 14] = [
    "message",
    "msg",
    "detail",
    "details",
    "error",
    "errors",
    "error_message",
    "error_msg",
    "err_msg",
    "reason",
    "fail_reason",
    "failure_reason",
    "description",
    "error_description",
];
/// Where a video that failed may say why, other than in `error`.
const FAILURE_FIELDS: [&str; 10] = [
    "error",
    "error_message",
    "error_msg",
    "failure_reason",
    "fail_reason",
    "failure",
    "task_error",
    "task_status_msg",
    "reason",
    "status_message",
];
/// The same, where they may say something else as well.
const REMARK_FIELDS: [&str; 3] = ["message", "msg", "detail"];
const CODE_FIELDS: [&str; 7] = ["code", "error_code", "err_code", "type", "error_type", "status", "failure_code"];

/// Why the provider says no.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Reason {
    /// All codes, types and the like, the innermost first.
    pub(super) codes: Vec<String>,
    pub(super) message: Option<String>,
}

/// What an answer without a video complains of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) reason: Reason,
    pub(super) basis: Basis,
}

/// What makes an answer a complaint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Basis {
    /// An `error` with content.
    Error,
    /// A flag: `"success": false`.
    Flag,
    /// A code, or a status of the envelope. It may say no more than that there is nothing yet.
    Code,
}

/// What a code says.
enum Code {
    /// Nothing: it is not there, or empty.
    Absent,
    /// That all is well.
    Success,
    Error(String),
}

/// The error that a video carries. One without content (`null`, `{"code": null, "message": ""}`, `{"code": 0, "message": "success"}`) is none.
pub(super) fn of_video(video: &Fields) -> Option<Reason> {
    let mut reason = match first_field(video, &["error"]).next()? {
        Value::Bool(true) => of_failed_video(video),
        error => of_value(error, MAX_DEPTH)?,
    };
    reason.codes.extend(own_codes(video, &["error_code"]));
    Some(reason)
}

/// The reason in a video that says that it failed, wherever that may stand; perhaps none.
pub(super) fn of_failed_video(video: &Fields) -> Reason {
    let remarks = first_field(video, &REMARK_FIELDS);
    let mut reason =
        first_field(video, &FAILURE_FIELDS).chain(remarks).find_map(|value| of_value(value, MAX_DEPTH)).unwrap_or_default();
    reason.codes.extend(own_codes(video, &["error_code", "failure_code", "err_code", "code"]));
    reason
}

/// What an answer without a video complains of; `None` when it does not.
pub(super) fn of_envelope(opened: &Opened<'_>) -> Option<Complaint> {
    opened.outwards().find_map(|layer| {
        let error = of_video(layer).map(|reason| Complaint { reason, basis: Basis::Error });
        error.or_else(|| {
            let negative = first_field(layer, &["success", "ok"]).any(|value| *value == Value::Bool(false));
            let code = own_codes(layer, &["code", "error_code", "err_code", "status_code", "ret"]).next();
            let failed = json::text(layer, &["status", "state"]).and_then(status::of) == Some(status::Status::Failed);
            // Every provider has a number of its own for "success".
            let is_well = || first_field(layer, &["message", "msg"]).filter_map(Value::as_str).any(is_success);
            if !(negative || failed || code.is_some() && !is_well()) {
                return None;
            }
            let mut reason = first_field(layer, &MESSAGE_FIELDS).find_map(|value| of_value(value, MAX_DEPTH)).unwrap_or_default();
            reason.codes.extend(code);
            reason.codes.extend(own_codes(layer, &["type", "error_type"]));
            Some(Complaint { reason, basis: if negative { Basis::Flag } else { Basis::Code } })
        })
    })
}

/// The reason in the body of a refusal.
pub(super) fn of_refusal(content: &Content) -> Reason {
    match content {
        Content::Json(value) => {
            let wrapped =
                || first_field(value.as_object()?, &["data", "result", "response"]).find_map(|inner| of_value(inner, MAX_DEPTH));
            of_value(value, MAX_DEPTH).or_else(wrapped).unwrap_or_default()
        }
        // A page for browsers tells a user nothing.
        Content::Text(text) if text.trim_start().starts_with(['<', '{', '[']) => Reason::default(),
        Content::Text(text) => Reason { codes: Vec::new(), message: presentable(text) },
    }
}

/// `None` when the value says that there is no error.
fn of_value(value: &Value, depth: u8) -> Option<Reason> {
    let deeper = depth.checked_sub(1)?;
    match value {
        Value::Null | Value::Bool(_) => None,
        Value::Number(_) => match code(value) {
            Code::Error(code) => Some(Reason { codes: vec![code], message: None }),
            Code::Absent | Code::Success => None,
        },
        Value::String(text) => of_text(text, deeper),
        Value::Array(items) => items.iter().find_map(|item| of_value(item, deeper)),
        Value::Object(object) => of_object(object, deeper),
    }
}

/// Some providers put the JSON of *their* provider into a string.
fn of_text(text: &str, depth: u8) -> Option<Reason> {
    if text.trim_start().starts_with(['{', '['])
        && let Some(inner) = json::value(text)
    {
        return of_value(&inner, depth);
    }
    let message = presentable(text).filter(|message| !is_nothing(message) && !is_success(message))?;
    let code = is_code(&message).then(|| message.clone());
    Some(Reason { codes: code.into_iter().collect(), message: Some(message) })
}

fn of_object(object: &Fields, depth: u8) -> Option<Reason> {
    let says_success = first_field(object, &CODE_FIELDS).any(|value| matches!(code(value), Code::Success));
    let own: Vec<String> = own_codes(object, &CODE_FIELDS).collect();
    let inner = first_field(object, &MESSAGE_FIELDS).find_map(|value| of_value(value, depth));
    match inner {
        // A code that says that all is well is believed more than a message, which may say anything.
        _ if own.is_empty() && says_success => None,
        None if own.is_empty() => None,
        inner => {
            let mut reason = inner.unwrap_or_default();
            reason.codes.extend(own);
            Some(reason)
        }
    }
}

/// What is said in these fields by way of codes.
fn own_codes(object: &Fields, names: &'static [&'static str]) -> impl Iterator<Item = String> {
    first_field(object, names).filter_map(|value| match code(value) {
        Code::Error(code) => Some(code),
        Code::Absent | Code::Success => None,
    })
}

fn code(value: &Value) -> Code {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return Code::Absent,
    };
    // A type that says no more than that this is an error.
    if is_nothing(&text) || matches!(json::word(&text).as_str(), "error" | "object") {
        Code::Absent
    } else if is_success(&text) || text.parse::<f64>().is_ok_and(|number| number == 0.0 || (200.0..300.0).contains(&number)) {
        Code::Success
    } else if is_code(&text) {
        Code::Error(text)
    } else {
        Code::Absent
    }
}

/// Codes are logged: a message must not be taken for one, because it may repeat what a user has written. Not all languages have spaces.
fn is_code(text: &str) -> bool {
    (1..=MAX_CODE).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-'))
}

fn is_nothing(text: &str) -> bool {
    let word = json::word(text);
    matches!(word.as_str(), "" | "null" | "none" | "nil" | "nan" | "undefined" | "na" | "false" | "noerror" | "noerrors")
}

fn is_success(text: &str) -> bool {
    let word = json::word(text);
    matches!(word.as_str(), "0" | "200" | "ok" | "true" | "success" | "succeed" | "succeeded" | "successful" | "normal" | "成功")
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

    fn told(codes: &[&str], message: &str) -> Reason {
        Reason { codes: codes.iter().map(ToString::to_string).collect(), message: Some(message.to_owned()) }
    }

    fn of(error: &Value) -> Option<Reason> {
        of_video(json!({ "id": "v", "status": "in_progress", "error": error }).as_object().unwrap())
    }

    fn refusal(body: &[u8]) -> Reason {
        of_refusal(&Content::read(body, None))
    }

    #[test]
    fn every_known_shape_of_an_error_is_read() {
        let cases = [
            (json!("out of dragons"), told(&[], "out of dragons")),
            (json!("content_policy_violation"), told(&["content_policy_violation"], "content_policy_violation")),
            (json!({ "message": "no dragons" }), told(&[], "no dragons")),
            (
                json!({ "message": "no dragons", "type": "invalid_request_error", "code": "bad" }),
                told(&["bad", "invalid_request_error"], "no dragons"),
            ),
            (json!({ "message": "no dragons", "code": null, "type": "server" }), told(&["server"], "no dragons")),
            (json!({ "detail": { "code": "policy", "message": "not this" } }), told(&["policy"], "not this")),
            (json!({ "detail": "plainly not" }), told(&[], "plainly not")),
            (
                json!({ "message": r#"{"error":{"message":"the inner one","code":"deep"}}"#, "code": 500 }),
                told(&["deep", "500"], "the inner one"),
            ),
            (json!({ "message": "{not json" }), told(&[], "{not json")),
            (json!([{ "loc": ["body", "size"], "msg": "bad size", "type": "value_error" }]), told(&["value_error"], "bad size")),
            (json!({ "code": 7 }), Reason { codes: vec!["7".into()], message: None }),
            (json!({ "code": "E1", "message": "" }), Reason { codes: vec!["E1".into()], message: None }),
            (json!(13), Reason { codes: vec!["13".into()], message: None }),
            (json!("two\nlines\t\u{7}and a\u{0}bell"), told(&[], "two lines and a bell")),
            (json!([null, {}, "the third"]), told(&[], "the third")),
        ];
        for (error, expected) in cases {
            assert_eq!(of(&error), Some(expected), "{error}");
        }
    }

    #[test]
    fn an_error_without_content_is_none() {
        for error in [
            json!(null),
            json!(false),
            json!(""),
            json!("  "),
            json!({}),
            json!([]),
            json!(0),
            json!("none"),
            json!("null"),
            json!("None"),
            json!("N/A"),
            json!("-"),
            json!("false"),
            json!("0"),
            json!("success"),
            json!("OK"),
            json!("No error."),
            json!("{}"),
            json!("[]"),
            json!("{\"message\":\"\"}"),
            json!("no_error"),
            json!([null]),
            json!([{}, ""]),
            json!([[]]),
            json!({ "code": null, "message": null }),
            json!({ "code": "", "message": "" }),
            json!({ "message": "" }),
            json!({ "message": "", "type": "", "param": null, "code": null }),
            json!({ "message": "none", "type": "error" }),
            json!({ "code": 0, "message": "success" }),
            json!({ "code": "0", "message": "The request was processed" }),
            json!({ "code": 200, "message": "OK" }),
            json!({ "code": "success", "msg": "成功" }),
            json!({ "error": { "message": "", "code": null } }),
            json!({ "errors": [], "detail": null }),
            json!({ "retries": 0, "trace": null }),
            json!({ "code": 0.0 }),
        ] {
            assert_eq!(of(&error), None, "{error}");
        }
        assert_eq!(of_video(json!({ "message": "fine" }).as_object().unwrap()), None);
    }

    #[test]
    fn a_flag_or_a_code_beside_the_error_counts() {
        let video = json!({ "error": true, "message": "it broke", "error_code": "E7" });
        assert_eq!(of_video(video.as_object().unwrap()), Some(told(&["E7", "E7"], "it broke")));
        let video = json!({ "error": "it broke", "error_code": "content_policy_violation" });
        assert_eq!(of_video(video.as_object().unwrap()), Some(told(&["content_policy_violation"], "it broke")));
        let failed = |video: Value| of_failed_video(video.as_object().unwrap());
        assert_eq!(failed(json!({ "status": "failed", "error": "", "fail_reason": "too dark" })), told(&[], "too dark"));
        assert_eq!(failed(json!({ "status": "failed", "error": null, "message": "success" })), Reason::default());
    }

    #[test]
    fn an_envelope_complains_only_where_it_says_so() {
        let complaint = |answer: Value| of_envelope(&super::super::envelope::open(&answer, None).unwrap());
        let of = |answer: Value| complaint(answer).map(|complaint| complaint.reason);
        assert_eq!(of(json!({ "code": 429, "message": "too many requests" })), Some(told(&["429"], "too many requests")));
        assert_eq!(of(json!({ "success": false, "message": "bad size" })), Some(told(&[], "bad size")));
        assert_eq!(of(json!({ "status": "error", "message": "bad size", "data": null })), Some(told(&[], "bad size")));
        assert_eq!(of(json!({ "error": { "message": "no way" } })), Some(told(&[], "no way")));
        assert_eq!(of(json!({ "data": { "error": { "message": "no way" }, "id": "7" } })), Some(told(&[], "no way")));
        for (answer, basis) in [
            (json!({ "code": 102, "error": { "message": "no way" } }), Basis::Error),
            (json!({ "code": 102, "success": false }), Basis::Flag),
            (json!({ "code": 102, "message": "still generating" }), Basis::Code),
            (json!({ "status": "error", "message": "bad size" }), Basis::Code),
        ] {
            assert_eq!(complaint(answer.clone()).map(|complaint| complaint.basis), Some(basis), "{answer}");
        }
        for fine in [
            json!({ "code": 0, "message": "success" }),
            json!({ "code": 10000, "message": "success", "data": null }),
            json!({ "code": "A0000", "msg": "OK" }),
            json!({ "message": "being processed" }),
            json!({ "success": true }),
        ] {
            assert_eq!(of(fine.clone()), None, "{fine}");
        }
    }

    #[test]
    fn refusals_are_read_in_whatever_form() {
        assert_eq!(refusal(br#"{"error":{"message":"bad size","code":"size"}}"#), told(&["size"], "bad size"));
        assert_eq!(refusal(br#"{"success":false,"message":"bad size"}"#), told(&[], "bad size"));
        assert_eq!(refusal(b"bad size"), told(&[], "bad size"));
        assert_eq!(refusal(br#"{"data":{"error":{"message":"bad size"}}}"#), told(&[], "bad size"));
        assert_eq!(refusal(br#"{"error":{"message":"cut \ud83d"}}"#), told(&[], "cut \u{fffd}"));
        for nothing in [&b""[..], b"<html><body>Bad gateway</body></html>", b"{\"error\":"] {
            assert_eq!(refusal(nothing), Reason::default());
        }
    }

    #[test]
    fn text_is_no_code() {
        assert_eq!(of(&json!("一只在黎明时分飞翔的苍鹭")), Some(told(&[], "一只在黎明时分飞翔的苍鹭")));
        assert_eq!(of(&json!({ "code": "夜明けの鷺", "message": "not this" })), Some(told(&[], "not this")));
        assert_eq!(of(&json!({ "code": "a heron at dawn", "message": "not this" })), Some(told(&[], "not this")));
        assert_eq!(of(&json!("x".repeat(65))), Some(told(&[], &"x".repeat(65))));
        assert_eq!(of(&json!("Throttling.User:rate-1")), Some(told(&["Throttling.User:rate-1"], "Throttling.User:rate-1")));
    }

    #[test]
    fn long_and_deep_reasons_are_cut() {
        let long = refusal("x".repeat(10_000).as_bytes()).message.unwrap();
        assert_eq!(long.len(), MAX_CHARACTERS);
        let mut deep = json!("bottom");
        for _ in 0..100 {
            deep = json!({ "error": deep });
        }
        assert_eq!(refusal(deep.to_string().as_bytes()).message, None);
    }
}
