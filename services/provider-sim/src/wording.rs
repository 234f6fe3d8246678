//! How answers about a video are written, where that is not as the API's own description has it: what is seen of resellers, proxies and
//! hurried imitations. Pure.

use serde_json::{Value, json};

/// Nested lists of [`Style::Deep`].
const DEPTH: usize = 10_000;
/// Length of the field of [`Style::Huge`].
const HUGE_BYTES: usize = 2 * 1024 * 1024;

/// The wording of a prompt's answers, or of everyone's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wording {
    /// Applied one after the other.
    pub(crate) styles: Vec<Style>,
    /// The status of a video that has ended.
    pub(crate) word: Option<String>,
    /// What stands in `error` where there is none.
    pub(crate) no_error: Option<NoError>,
}

/// Something odd about a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A byte-order mark comes first.
    Bom,
    /// UTF-16 with a byte-order mark.
    Utf16,
    /// Half of a surrogate pair in a field that nobody needs.
    Surrogate,
    /// A byte that is not UTF-8.
    Latin1,
    /// Line breaks and worse within a string.
    Control,
    /// `NaN`
    Nan,
    /// Lists within lists.
    Deep,
    /// Megabytes of text.
    Huge,
    /// `progress` as text with a percent sign, `created_at` as text.
    Texts,
    /// Something behind the end.
    Trailing,
    Data,
    Result,
    Response,
    /// `{"status": "success", "data": {"task": …}}`
    Nested,
    /// A list of one.
    List,
}

/// A value of `error` that says that there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoError {
    Nulls,
    Blanks,
    Success,
    Text,
    False,
    Object,
    List,
    Word,
}

impl Style {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "bom" => Self::Bom,
            "utf-16" => Self::Utf16,
            "surrogate" => Self::Surrogate,
            "latin-1" => Self::Latin1,
            "control" => Self::Control,
            "nan" => Self::Nan,
            "deep" => Self::Deep,
            "huge" => Self::Huge,
            "texts" => Self::Texts,
            "trailing" => Self::Trailing,
            "data" => Self::Data,
            "result" => Self::Result,
            "response" => Self::Response,
            "nested" => Self::Nested,
            "list" => Self::List,
            _ => return None,
        })
    }

    /// What it makes of the answer as JSON.
    fn wrap(self, answer: Value) -> Value {
        match self {
            Self::Data => json!({ "code": 0, "message": "success", "data": answer }),
            Self::Result => json!({ "result": answer }),
            Self::Response => json!({ "request_id": "7c9e", "response": answer }),
            Self::Nested => json!({ "id": "req_1", "status": "success", "data": { "task": answer } }),
            Self::List => json!([answer]),
            Self::Texts => texts(answer),
            _ => answer,
        }
    }

    /// The field that it adds at the beginning of the outermost object.
    fn field(self) -> Option<Vec<u8>> {
        Some(match self {
            Self::Surrogate => br#""title":"cut \ud83d","#.to_vec(),
            Self::Latin1 => b"\"title\":\"caf\xe9\",".to_vec(),
            Self::Control => b"\"title\":\"two\nlines\x01\",".to_vec(),
            Self::Nan => br#""score":NaN,"#.to_vec(),
            Self::Deep => format!(r#""deep":{}{},"#, "[".repeat(DEPTH), "]".repeat(DEPTH)).into_bytes(),
            Self::Huge => format!(r#""preview":"{}","#, "A".repeat(HUGE_BYTES)).into_bytes(),
            _ => return None,
        })
    }

    /// What it makes of the bytes.
    fn write(self, mut body: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Bom => [b"\xef\xbb\xbf", body.as_slice()].concat(),
            Self::Utf16 => {
                let text = String::from_utf8_lossy(&body).into_owned();
                "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
            }
            Self::Trailing => {
                body.extend(b"\n-- served by proxy 7");
                body
            }
            other => match (other.field(), body.iter().position(|byte| *byte == b'{')) {
                (Some(field), Some(at)) => {
                    body.splice(at + 1..at + 1, field);
                    body
                }
                _ => body,
            },
        }
    }
}

fn texts(mut answer: Value) -> Value {
    for (name, unit) in [("progress", "%"), ("created_at", "")] {
        if let Some(number) = answer.get(name).filter(|value| value.is_number()).map(ToString::to_string) {
            answer[name] = format!("{number}{unit}").into();
        }
    }
    answer
}

impl NoError {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "nulls" => Self::Nulls,
            "blanks" => Self::Blanks,
            "success" => Self::Success,
            "text" => Self::Text,
            "false" => Self::False,
            "object" => Self::Object,
            "list" => Self::List,
            "word" => Self::Word,
            _ => return None,
        })
    }

    fn value(self) -> Value {
        match self {
            Self::Nulls => json!({ "code": null, "message": null }),
            Self::Blanks => json!({ "message": "", "type": "", "param": null, "code": "" }),
            Self::Success => json!({ "code": 0, "message": "success" }),
            Self::Text => json!(""),
            Self::False => json!(false),
            Self::Object => json!({}),
            Self::List => json!([]),
            Self::Word => json!("none"),
        }
    }
}

impl Wording {
    /// The body of an answer that shows a video.
    pub(crate) fn video(&self, mut video: Value) -> Vec<u8> {
        let ended = matches!(video["status"].as_str(), Some("completed" | "failed"));
        if let Some(word) = self.word.as_ref().filter(|_| ended) {
            video["status"] = word.as_str().into();
        }
        if let Some(no_error) = self.no_error.filter(|_| video["error"].is_null()) {
            video["error"] = no_error.value();
        }
        self.answer(video)
    }

    /// The body of any answer.
    pub(crate) fn answer(&self, answer: Value) -> Vec<u8> {
        let answer = self.styles.iter().fold(answer, |answer, style| style.wrap(answer));
        self.styles.iter().fold(answer.to_string().into_bytes(), |body, style| style.write(body))
    }

    /// What this says, or else what is said for everyone.
    pub(crate) fn or(&self, everyone: &Self) -> Self {
        Self {
            styles: if self.styles.is_empty() { everyone.styles.clone() } else { self.styles.clone() },
            word: self.word.clone().or_else(|| everyone.word.clone()),
            no_error: self.no_error.or(everyone.no_error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(styles: &[Style]) -> Vec<u8> {
        let wording = Wording { styles: styles.to_vec(), ..Wording::default() };
        wording.video(json!({ "id": "v", "status": "completed", "progress": 100, "error": null }))
    }

    #[test]
    fn odd_bodies_are_no_json_to_a_strict_reader() {
        for style in
            [Style::Bom, Style::Utf16, Style::Surrogate, Style::Latin1, Style::Control, Style::Nan, Style::Deep, Style::Trailing]
        {
            assert!(serde_json::from_slice::<Value>(&body(&[style])).is_err(), "{style:?}");
        }
        for style in [Style::Huge, Style::Texts, Style::Data, Style::Result, Style::Response, Style::Nested, Style::List] {
            assert!(serde_json::from_slice::<Value>(&body(&[style])).is_ok(), "{style:?}");
        }
    }

    #[test]
    fn a_plain_wording_changes_nothing() {
        let video = json!({ "id": "v", "status": "completed", "error": null });
        assert_eq!(Wording::default().video(video.clone()), video.to_string().into_bytes());
        let nested: Value = serde_json::from_slice(&body(&[Style::Texts, Style::Nested])).unwrap();
        assert_eq!((&nested["status"], &nested["data"]["task"]["progress"]), (&json!("success"), &json!("100%")));
    }

    #[test]
    fn words_and_errors_stand_where_they_belong() {
        let wording = Wording { word: Some("FAILURE".into()), no_error: Some(NoError::Nulls), ..Wording::default() };
        let shown = |status: &str| -> Value {
            serde_json::from_slice(&wording.video(json!({ "status": status, "error": null }))).unwrap()
        };
        assert_eq!(shown("failed"), json!({ "status": "FAILURE", "error": { "code": null, "message": null } }));
        assert_eq!(shown("queued")["status"], "queued");
    }
}
