//! Providers' JSON, read leniently.
//!
//! A report that cannot be read leaves a finished video unfetched, so what a strict reader refuses is mended: another encoding or a
//! byte-order mark ([`encoding`]), half a surrogate pair, control characters in strings, `NaN`, depths without end ([`repair`]). What is
//! kept of it is bounded, whatever its size ([`bounded`]). Only what ends in the middle is not read: the rest may say the opposite.

mod bounded;
mod encoding;
mod fields;
mod repair;

use encoding_rs::Encoding;
use serde_json::Value;

pub(super) use fields::{Fields, first_field, text, word};

/// The provider's answer makes no sense. What it was is left out: it may repeat the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the answer is not JSON")]
    NotJson,
    #[error("the answer is not an object")]
    NotAnObject,
    #[error("the answer has no status")]
    NoStatus,
    #[error("the answer is not a list of videos")]
    NotAList,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Json(Value),
    /// Not JSON; as much of the beginning as anybody will look at.
    Text(String),
}

/// Longest text in characters that is kept of a body that is not JSON.
const MAX_TEXT: usize = 2048;

impl Content {
    /// Reads a body; `charset` is what the answer's `Content-Type` says it is in.
    pub(super) fn read(body: &[u8], charset: Option<&'static Encoding>) -> Self {
        let text = encoding::text(body, charset);
        match value(&text) {
            Some(value) => Self::Json(unfold(value, MAX_FOLDS)),
            None => Self::Text(text.chars().take(MAX_TEXT).collect()),
        }
    }

    pub(super) fn json(&self) -> Result<&Value, Unreadable> {
        match self {
            Self::Json(value) => Ok(value),
            Self::Text(_) => Err(Unreadable::NotJson),
        }
    }
}

/// Texts within texts that are read as JSON.
const MAX_FOLDS: u8 = 3;

/// Opens what was written as JSON twice: `"{\"id\": …}"`, or `{"data": "{\"id\": …}"}`.
fn unfold(value: Value, folds: u8) -> Value {
    let Some(fewer) = folds.checked_sub(1) else { return value };
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => match self::value(&text) {
            Some(inner) => unfold(inner, fewer),
            None => Value::String(text),
        },
        Value::Object(mut object) => {
            for (name, inner) in &mut object {
                if matches!(word(name).as_str(), "data" | "result" | "response" | "body" | "payload") {
                    *inner = unfold(inner.take(), fewer);
                }
            }
            Value::Object(object)
        }
        other => other,
    }
}

/// Reads JSON, or what was meant to be JSON.
pub(super) fn value(text: &str) -> Option<Value> {
    bounded::value(text).or_else(|| bounded::value(&repair::repair(text)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(body: &[u8]) -> Option<Value> {
        match Content::read(body, None) {
            Content::Json(value) => Some(value),
            Content::Text(_) => None,
        }
    }

    #[test]
    fn what_a_strict_reader_refuses_is_read() {
        let odd: [&[u8]; 12] = [
            br#"{"status":"done","title":"cut \ud83d"}"#,
            br#"{"status":"done","title":"\ude00 low first \ud83d\ud83d\u00e9"}"#,
            b"\xef\xbb\xbf{\"status\":\"done\"}",
            b"{\"status\":\"done\",\"title\":\"caf\xe9 \xff\xfe\"}",
            b"\xff\xfe{\0\"\0s\0t\0a\0t\0u\0s\0\"\0:\0\"\0d\0o\0n\0e\0\"\0}\0",
            b"{\0\"\0s\0t\0a\0t\0u\0s\0\"\0:\0\"\0d\0o\0n\0e\0\"\0}\0",
            b"{\"status\":\"done\",\"title\":\"two\nlines\t\x01\"}",
            br#"{"status":"done","score":NaN,"best":-Infinity,"worst":undefined,"big":1e999}"#,
            br#"{"status":"done","tags":["a",],}"#,
            br#"{"status":"done","title":"bad \x escape \u12"}"#,
            br#"{"status":"done"} and more"#,
            br#"{'status': 'done', 'ok': True, 'title': 'a "fox"', 'error': None}"#,
        ];
        for body in odd {
            let value = read(body).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(body)));
            assert_eq!(value["status"], "done", "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn json_in_a_text_is_read() {
        let inner = r#"{"id":"v","status":"done"}"#;
        let text = Value::from(inner).to_string();
        for body in [text.clone(), format!(r#"{{"data":{text}}}"#), format!(r#"{{"code":0,"Result":{{"data":{text}}}}}"#)] {
            let Content::Json(value) = Content::read(body.as_bytes(), None) else { panic!("{body}") };
            let found = [&value, &value["data"], &value["Result"]["data"]].iter().any(|found| found["status"] == "done");
            assert!(found, "{value}");
        }
        assert_eq!(read(br#"{"data":"{not json"}"#), Some(json!({ "data": "{not json" })));
    }

    #[test]
    fn depths_and_sizes_do_no_harm() {
        let deep = format!(r#"{{"status":"done","deep":{}{},"after":1}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let value = read(deep.as_bytes()).unwrap();
        assert_eq!((&value["status"], &value["after"]), (&json!("done"), &json!(1)));
        let objects = format!(r#"{{"deep":{}1{},"status":"done"}}"#, r#"{"a":"#.repeat(5_000), "}".repeat(5_000));
        assert_eq!(read(objects.as_bytes()).unwrap()["status"], "done");
        let wide = format!(r#"{{"frames":[{}0],"status":"done"}}"#, "0,".repeat(300_000));
        let value = read(wide.as_bytes()).unwrap();
        assert_eq!(value["status"], "done");
        assert!(value["frames"].as_array().unwrap().len() < 1000);
    }

    #[test]
    fn what_ends_in_the_middle_is_not_read() {
        for body in [&br#"{"status":"comple"#[..], br#"{"status":"done""#, b"[", b"", b"<html>{}</html>", b"}", br#"{"a" "b"}"#] {
            assert_eq!(read(body), None, "{}", String::from_utf8_lossy(body));
        }
        let nothing = "[".repeat(1_000_000);
        assert_eq!(read(nothing.as_bytes()), None);
    }

    #[test]
    fn the_charset_of_the_answer_counts_where_it_is_not_utf8() {
        let (body, ..) = encoding_rs::GBK.encode(r#"{"message":"内容违规","status":"failed"}"#);
        let Content::Json(value) = Content::read(&body, Some(encoding_rs::GBK)) else { panic!("not read") };
        assert_eq!(value["message"], "内容违规");
        // Many servers name a charset that they do not use.
        let Content::Json(value) = Content::read("{\"message\":\"é\"}".as_bytes(), Some(encoding_rs::WINDOWS_1252)) else {
            panic!("not read")
        };
        assert_eq!(value["message"], "é");
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map(".{0,5}", inner, 0..5).prop_map(|map| map.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_is_lost_of_what_is_right(value in any_value()) {
            let object = json!({ "v": value });
            let text = object.to_string();
            prop_assert_eq!(bounded::value(&text), Some(object.clone()));
            let mended = repair::repair(&text).and_then(|mended| bounded::value(&mended));
            prop_assert_eq!(mended, Some(object), "{}", text);
        }

        #[test]
        fn a_status_is_read_beside_any_text(noise in prop::collection::vec(any::<u8>(), 0..60), unit in 0xd800_u32..0xe000) {
            // Anything but the end of the string it stands in.
            let noise: Vec<u8> = noise.into_iter().filter(|byte| !matches!(byte, b'"' | b'\\')).collect();
            let mut body = br#"{"prompt":""#.to_vec();
            body.extend(noise);
            body.extend(format!("\\u{unit:04x}\",\"status\":\"done\"}}").bytes());
            prop_assert_eq!(&read(&body).unwrap()["status"], "done");
        }

        #[test]
        fn no_body_is_too_odd(body in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\",:'\\\\a-z0-9 .-]{0,80}") {
            read(&body);
            read(text.as_bytes());
        }
    }
}
