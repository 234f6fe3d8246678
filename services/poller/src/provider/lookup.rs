use serde_json::Value;
use zoetrope_domain::TaskId;

use super::{
    Provider, envelope,
    http::Operation,
    json::{self, Content, Fields, Unreadable, first_field},
};
use crate::job::{ExternalId, Outcome};

/// Videos that are asked for at a time.
const PAGE: usize = 100;
/// Pages that are read; what is looked for is minutes old, and the newest come first.
const MAX_PAGES: usize = 20;
/// Where the videos of a list may be.
const LISTS: [&str; 9] = ["data", "result", "response", "videos", "items", "list", "tasks", "records", "results"];
/// Envelopes around a list, or around a video in it, that are opened.
const MAX_DEPTH: u8 = 4;

impl Provider {
    /// Looks in the provider's list for the job that was submitted with this task's idempotency key.
    pub(crate) async fn find(&self, task_id: TaskId) -> Outcome {
        let key = task_id.to_string();
        let mut after: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut url = self.http.endpoint(&[]);
            url.query_pairs_mut().append_pair("limit", &PAGE.to_string()).append_pair("order", "desc");
            if let Some(last) = &after {
                url.query_pairs_mut().append_pair("after", last);
            }
            let answer = match self.http.ask(Operation::List, |client| client.get(url)).await {
                Ok(answer) if answer.is_success() && answer.refusal.is_none() => answer,
                Ok(answer) => {
                    tracing::warn!(status = answer.status, "the provider does not list its videos");
                    return Outcome::Again { retry_after: answer.retry_after };
                }
                Err(error) => {
                    tracing::warn!(error = error.as_error(), "the provider does not answer");
                    return Outcome::again();
                }
            };
            match read(&answer.content, &key) {
                Ok(Page { found: Some(id), .. }) => return Outcome::Accepted(id),
                Ok(Page { next: None, .. }) => return Outcome::Missing,
                Ok(Page { next, .. }) if next == after => return Outcome::Missing,
                Ok(Page { next, .. }) => {
                    self.gate().spend(1);
                    after = next;
                }
                Err(unreadable) => {
                    self.http.count_unreadable(Operation::List);
                    tracing::warn!(error = %unreadable, "the provider's list cannot be read");
                    return Outcome::again();
                }
            }
        }
        Outcome::Missing
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Page {
    found: Option<ExternalId>,
    /// The id after which the next page begins.
    next: Option<String>,
}

fn read(content: &Content, key: &str) -> Result<Page, Unreadable> {
    let answer = content.json()?;
    let (list, videos) = list(answer, MAX_DEPTH).ok_or(Unreadable::NotAList)?;
    let found = videos.iter().filter(|video| has_key(video, key, MAX_DEPTH)).find_map(|video| id(video)?.parse().ok());
    let more = list.is_some_and(|list| first_field(list, &["has_more"]).any(|more| *more == Value::Bool(true)));
    let last = || list.and_then(|list| json::text(list, &["last_id"])).map(str::to_owned).or_else(|| id(videos.last()?));
    Ok(Page { found, next: if more { last() } else { None } })
}

/// The list in an answer, and the object that it stands in.
fn list(answer: &Value, depth: u8) -> Option<(Option<&Fields>, &[Value])> {
    if let Value::Array(videos) = answer {
        return Some((None, videos));
    }
    let object = answer.as_object()?;
    let inner = || first_field(object, &LISTS);
    match inner().find_map(Value::as_array) {
        Some(videos) => Some((Some(object), videos)),
        None => inner().find_map(|value| list(value, depth.checked_sub(1)?)),
    }
}

fn id(video: &Value) -> Option<String> {
    envelope::open(video, None)?.id()
}

/// Whether a video, in whatever envelope, was submitted with this key.
fn has_key(video: &Value, key: &str, depth: u8) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    video.pointer("/metadata/idempotency_key").and_then(Value::as_str) == Some(key)
        || video.as_object().is_some_and(|object| object.values().any(|inner| has_key(inner, key, deeper)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIDEOS: &str =
        r#"[{"id":"video_1","metadata":{"idempotency_key":"a"}},{"id":"video_2","metadata":null},{"id":"video_3"}]"#;

    fn read(body: &str, key: &str) -> Result<Page, Unreadable> {
        super::read(&Content::read(body.as_bytes(), None), key)
    }

    #[test]
    fn a_job_is_found_by_its_key() {
        let list = format!(r#"{{"object":"list","has_more":true,"data":{VIDEOS}}}"#);
        assert_eq!(read(&list, "a").unwrap().found.unwrap().as_str(), "video_1");
        assert_eq!(read(&list, "b"), Ok(Page { found: None, next: Some("video_3".into()) }));
    }

    #[test]
    fn a_list_is_found_in_every_envelope() {
        for envelope in [
            "VIDEOS",
            r#"{"data":{"data":VIDEOS}}"#,
            r#"{"code":0,"result":{"videos":VIDEOS,"has_more":false}}"#,
            r#"{"response":{"items":VIDEOS}}"#,
            "\u{feff}{\"data\":VIDEOS,\"title\":\"cut \\ud83d\"}",
        ] {
            let page = read(&envelope.replace("VIDEOS", VIDEOS), "a").unwrap();
            assert_eq!(page.found.unwrap().as_str(), "video_1", "{envelope}");
        }
        let wrapped = r#"{"data":[{"data":{"id":"video_0"}},{"data":{"id":"video_1","metadata":{"idempotency_key":"a"}}}]}"#;
        assert_eq!(read(wrapped, "a").unwrap().found.unwrap().as_str(), "video_1");
        let number = r#"{"data":[{"id":17,"metadata":{"idempotency_key":"a"}}]}"#;
        assert_eq!(read(number, "a").unwrap().found.unwrap().as_str(), "17");
    }

    #[test]
    fn the_last_page_says_so() {
        assert_eq!(read(r#"{"data":[],"has_more":false}"#, "a"), Ok(Page { found: None, next: None }));
        assert_eq!(read(r#"{"data":[{"id":"x"}]}"#, "a").unwrap().next, None);
    }

    #[test]
    fn anything_else_is_unreadable() {
        assert_eq!(read("<html>", "a"), Err(Unreadable::NotJson));
        assert_eq!(read(r#"{"films":[]}"#, "a"), Err(Unreadable::NotAList));
        assert_eq!(read(r#"{"data":null}"#, "a"), Err(Unreadable::NotAList));
    }
}
