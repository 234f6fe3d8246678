use serde_json::Value;

use super::{
    json::{self, Fields, first_field, text},
    status,
};

/// What the video in an answer may be called.
const WRAPPERS: [&str; 10] = ["data", "result", "response", "task", "video", "job", "output", "body", "payload", "generation"];
const IDS: [&str; 6] = ["id", "video_id", "task_id", "job_id", "generation_id", "uuid"];
const STATUSES: [&str; 7] = ["status", "state", "task_status", "video_status", "job_status", "task_state", "job_state"];
/// Envelopes within envelopes that are opened.
const MAX_DEPTH: usize = 5;

/// The objects of an answer, from the envelope to the video in it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Opened<'a> {
    /// Never empty.
    layers: Vec<&'a Fields>,
    /// The id, where the video in the envelope is nothing but that.
    bare_id: Option<&'a str>,
}

/// Opens the envelopes around a video, of which there may be none. `asked` is the id of the video that was asked for, if it was.
///
/// A video has fields of its own that look like envelopes (`"result": {"url": …}`), and an envelope has a status of its own
/// (`"status": "success"`), so a layer is taken off only if a video shows beneath it and not in it.
pub(super) fn open<'a>(answer: &'a Value, asked: Option<&str>) -> Option<Opened<'a>> {
    let mut layers = vec![object(answer, asked)?];
    let mut bare_id = None;
    while let Some(outer) = layers.last().copied()
        && layers.len() <= MAX_DEPTH
        && !is_video(outer, asked)
    {
        let inner =
            first_field(outer, &WRAPPERS).filter_map(|value| object(value, asked)).find(|inner| leads_to_video(inner, MAX_DEPTH));
        match inner {
            Some(inner) => layers.push(inner),
            None => {
                bare_id =
                    first_field(outer, &["data", "result"]).find_map(Value::as_str).map(str::trim).filter(|id| looks_like_id(id));
                break;
            }
        }
    }
    Some(Opened { layers, bare_id })
}

impl<'a> Opened<'a> {
    /// The innermost object.
    pub(super) fn video(&self) -> Option<&'a Fields> {
        self.layers.last().copied()
    }

    /// From the innermost object to the outermost.
    pub(super) fn outwards(&self) -> impl Iterator<Item = &'a Fields> {
        self.layers.iter().rev().copied()
    }

    /// Whether what stands there may be the envelope itself: it was not opened, and no id shows.
    pub(super) fn is_nameless(&self) -> bool {
        self.layers.len() == 1 && self.id().is_none()
    }

    /// Whether the innermost object is not an envelope by itself, but was in one, or is named after the video that was asked for.
    pub(super) fn speaks_of(&self, asked: &str) -> bool {
        self.layers.len() > 1 || self.video().and_then(id).as_deref() == Some(asked)
    }

    /// Whether a video shows, and not only how the answer went.
    pub(super) fn shows_video(&self) -> bool {
        self.id().is_some() || self.status().is_some_and(|word| !matches!(json::word(word).as_str(), "error" | "fail"))
    }

    pub(super) fn id(&self) -> Option<String> {
        self.outwards().find_map(id).or_else(|| self.bare_id.map(str::to_owned))
    }

    /// The word for where the video stands. What an envelope says of itself does not count.
    pub(super) fn status(&self) -> Option<&'a str> {
        let envelopes = self.outwards().skip(1).filter_map(status_word).filter(|word| !status::is_of_envelope(word));
        self.video().and_then(status_word).into_iter().chain(envelopes).next()
    }
}

/// The id of an object. A large number is kept as it is written.
pub(super) fn id(object: &Fields) -> Option<String> {
    first_field(object, &IDS).find_map(|value| match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        _ => None,
    })
}

fn status_word(object: &Fields) -> Option<&str> {
    text(object, &STATUSES).or_else(|| {
        let inner = first_field(object, &STATUSES).find_map(Value::as_object)?;
        text(inner, &["state", "status", "name", "code", "value"])
    })
}

/// An object, or the one in a list: the one that was asked for, or the only one.
fn object<'a>(value: &'a Value, asked: Option<&str>) -> Option<&'a Fields> {
    match value {
        Value::Object(object) => Some(object),
        Value::Array(items) => {
            let objects = || items.iter().filter_map(Value::as_object);
            let wanted = asked.and_then(|asked| objects().find(|object| id(object).as_deref() == Some(asked)));
            wanted.or_else(|| objects().next().filter(|_| items.len() == 1))
        }
        _ => None,
    }
}

/// Whether this object says of itself where it stands, and not only how the answer went.
fn is_video(object: &Fields, asked: Option<&str>) -> bool {
    let Some(word) = status_word(object) else { return false };
    let own = asked.is_some_and(|asked| id(object).as_deref() == Some(asked));
    // Of two layers with the same id and an envelope's word, the inner one is the video.
    let beneath = || {
        first_field(object, &WRAPPERS)
            .filter_map(|value| self::object(value, asked))
            .any(|inner| id(inner).is_some() && status_word(inner).is_some())
    };
    if status::is_of_envelope(word) { own && !beneath() } else { true }
}

/// Whether an id or a status shows here or in an envelope beneath.
fn leads_to_video(object: &Fields, depth: usize) -> bool {
    id(object).is_some()
        || status_word(object).is_some()
        || depth > 0
            && first_field(object, &WRAPPERS)
                .filter_map(|value| self::object(value, None))
                .any(|inner| leads_to_video(inner, depth - 1))
}

/// Whether a text that stands alone is the name of something, and not a remark.
pub(super) fn looks_like_id(text: &str) -> bool {
    text.len() >= 6
        && text.contains(|c: char| c.is_ascii_digit())
        && !text.contains(char::is_whitespace)
        && !status::is_word(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Id and status.
    fn opened(answer: &Value, asked: Option<&str>) -> (Option<String>, Option<String>) {
        let opened = open(answer, asked).unwrap();
        (opened.id(), opened.status().map(str::to_owned))
    }

    #[test]
    fn a_video_is_found_in_every_envelope() {
        let video = json!({ "id": "video_1", "status": "processing" });
        let envelopes = [
            video.clone(),
            json!([video]),
            json!({ "data": video }),
            json!({ "result": video }),
            json!({ "response": video }),
            json!({ "code": 0, "message": "success", "data": video }),
            json!({ "status": "success", "data": video }),
            json!({ "id": "req-9", "status": "success", "data": video }),
            json!({ "success": true, "request_id": "r", "data": { "task": video } }),
            json!({ "data": { "result": { "response": video } } }),
            json!({ "data": [video] }),
            json!({ "status": "ok", "Data": [{ "video": video }] }),
            json!({ "error": null, "output": video }),
            json!({ "data": { "task_id": "video_1", "task_status": "processing" } }),
            json!({ "id": "video_1", "data": { "status": "processing" } }),
            json!({ "id": "video_1", "status": "success", "data": { "id": "video_1", "status": "processing" } }),
            json!({ "id": "video_1", "status": { "state": "processing" } }),
        ];
        for envelope in &envelopes {
            let expected = (Some("video_1".to_owned()), Some("processing".to_owned()));
            assert_eq!(opened(envelope, None), expected, "{envelope}");
            assert_eq!(opened(envelope, Some("video_1")), expected, "{envelope}");
        }
    }

    #[test]
    fn what_a_video_carries_is_no_video() {
        for carried in [
            json!({ "result": { "url": "https://cdn.example/v.mp4" } }),
            json!({ "result": { "id": "file_1", "status": "uploaded", "url": "https://cdn.example/v.mp4" } }),
            json!({ "response": { "status": 200 } }),
            json!({ "data": [{ "url": "a" }, { "url": "b" }] }),
            json!({ "output": "https://cdn.example/v.mp4" }),
            json!({ "data": "text-1234" }),
        ] {
            let mut video = json!({ "id": "video_1", "status": "completed" });
            video.as_object_mut().unwrap().extend(carried.as_object().unwrap().clone());
            assert_eq!(opened(&video, Some("video_1")).1.as_deref(), Some("completed"), "{video}");
            assert_eq!(opened(&video, None), (Some("video_1".into()), Some("completed".into())), "{video}");
        }
    }

    #[test]
    fn of_many_the_one_that_was_asked_for_counts() {
        let list = json!({ "data": [{ "id": "video_0", "status": "failed" }, { "id": "video_1", "status": "done" }] });
        assert_eq!(opened(&list, Some("video_1")).1.as_deref(), Some("done"));
        assert_eq!(opened(&list, Some("video_2")), (None, None));
    }

    #[test]
    fn ids_are_read_as_they_are_written() {
        for (answer, expected) in [
            (json!({ "id": 9_007_199_254_740_993_u64 }), Some("9007199254740993")),
            (json!({ "taskId": " t-1 " }), Some("t-1")),
            (json!({ "data": "cgt-20250101" }), Some("cgt-20250101")),
            (json!({ "data": "success" }), None),
            (json!({ "result": "accepted1 by all" }), None),
            (json!({ "id": null }), None),
            (json!({ "id": 1.5 }), None),
            (json!({ "id": "" }), None),
        ] {
            assert_eq!(opened(&answer, None).0.as_deref(), expected, "{answer}");
        }
        assert_eq!(open(&json!("video_1"), None), None);
    }
}
