use serde_json::Value;
use zoetrope_domain::TaskId;

use super::{
    Provider,
    http::Operation,
    json::{self, Unreadable},
};
use crate::job::{ExternalId, Outcome};

/// Videos that are asked for at a time.
const PAGE: usize = 100;
/// Pages that are read; what is looked for is minutes old, and the newest come first.
const MAX_PAGES: usize = 20;

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
                Ok(answer) if answer.is_success() => answer,
                Ok(answer) => {
                    tracing::warn!(status = answer.status, "the provider does not list its videos");
                    return Outcome::Again { retry_after: answer.retry_after };
                }
                Err(error) => {
                    tracing::warn!(error = error.as_error(), "the provider does not answer");
                    return Outcome::again();
                }
            };
            match read(&answer.body, &key) {
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

fn read(body: &[u8], key: &str) -> Result<Page, Unreadable> {
    let list = json::object(body)?;
    let videos = list.get("data").and_then(Value::as_array).ok_or(Unreadable::NotAList)?;
    let found = videos
        .iter()
        .find(|video| video.pointer("/metadata/idempotency_key").and_then(Value::as_str) == Some(key))
        .and_then(|video| video.get("id")?.as_str()?.parse().ok());
    let more = list.get("has_more").and_then(Value::as_bool).unwrap_or(false);
    let last = || json::text(&list, &["last_id"]).or_else(|| videos.last()?.get("id")?.as_str()).map(str::to_owned);
    Ok(Page { found, next: if more { last() } else { None } })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[u8] = br#"{"object":"list","has_more":true,"data":[
        {"id":"video_1","metadata":{"idempotency_key":"a"}},{"id":"video_2","metadata":null},{"id":"video_3"}]}"#;

    #[test]
    fn a_job_is_found_by_its_key() {
        let page = read(LIST, "a").unwrap();
        assert_eq!(page.found.unwrap().as_str(), "video_1");
        assert_eq!(read(LIST, "b"), Ok(Page { found: None, next: Some("video_3".into()) }));
    }

    #[test]
    fn the_last_page_says_so() {
        assert_eq!(read(br#"{"data":[],"has_more":false}"#, "a"), Ok(Page { found: None, next: None }));
        assert_eq!(read(br#"{"data":[{"id":"x"}]}"#, "a").unwrap().next, None);
    }

    #[test]
    fn anything_else_is_unreadable() {
        assert_eq!(read(b"<html>", "a"), Err(Unreadable::NotJson));
        assert_eq!(read(br#"{"videos":[]}"#, "a"), Err(Unreadable::NotAList));
    }
}
