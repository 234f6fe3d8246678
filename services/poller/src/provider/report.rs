use serde_json::{Map, Value};
use url::Url;
use zoetrope_domain::{JobPhase, Progress};

use super::{
    Provider,
    http::{Answer, Operation},
    json::{self, Unreadable},
    reason::{self, Reason},
};
use crate::job::{ExternalId, Failure, FailureCode, Outcome};

/// What a provider says of a video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Report {
    Waiting,
    Generating(Progress),
    Completed {
        /// Where the file is, if the video says so.
        url: Option<Url>,
    },
    Failed(Reason),
    /// A status that nobody has told us about: the video is taken to be in the making.
    Unknown {
        word: String,
        progress: Progress,
    },
}

impl Provider {
    /// Asks how a job is doing. Only what the provider clearly says ends it: whatever cannot be understood is asked again.
    pub(crate) async fn poll(&self, id: &ExternalId) -> Outcome {
        let answer = match self.retrieve(id).await {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        match read(&answer.body) {
            Ok(Report::Waiting) => Outcome::Reported { phase: JobPhase::Submitted, progress: Progress::NONE },
            Ok(Report::Generating(progress)) => Outcome::Reported { phase: JobPhase::Generating, progress },
            Ok(Report::Completed { .. }) => Outcome::Finished,
            Ok(Report::Failed(reason)) => {
                let retryable = !reason.is_about_the_request();
                Outcome::Failed(Failure::told(FailureCode::GenerationFailed, reason.message, retryable))
            }
            Ok(Report::Unknown { word, progress }) => {
                self.note_unknown(&word);
                Outcome::Reported { phase: JobPhase::Generating, progress }
            }
            Err(unreadable) => {
                self.note_unreadable(unreadable);
                Outcome::again()
            }
        }
    }

    pub(super) fn note_unknown(&self, word: &str) {
        self.http.count_unreadable(Operation::Retrieve);
        tracing::warn!(status = %word, "the provider reports a status that is not known");
    }

    pub(super) fn note_unreadable(&self, unreadable: Unreadable) {
        self.http.count_unreadable(Operation::Retrieve);
        tracing::warn!(error = %unreadable, "the provider's report cannot be read");
    }

    /// The video as the provider shows it, or what to make of it when it shows none.
    pub(super) async fn retrieve(&self, id: &ExternalId) -> Result<Answer, Outcome> {
        let url = self.http.endpoint(&[id.as_str()]);
        match self.http.ask(Operation::Retrieve, |client| client.get(url)).await {
            Ok(answer) if answer.is_success() => Ok(answer),
            Ok(answer) if matches!(answer.status, 404 | 410) => Err(Outcome::Missing),
            Ok(answer) => {
                tracing::warn!(status = answer.status, "the provider does not report");
                Err(Outcome::Again { retry_after: answer.retry_after })
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the provider does not answer");
                Err(Outcome::again())
            }
        }
    }
}

pub(super) fn read(body: &[u8]) -> Result<Report, Unreadable> {
    let video = json::object(body)?;
    if let Some(reason) = reason::of_video(&video) {
        return Ok(Report::Failed(reason));
    }
    let word = json::text(&video, &["status"]).ok_or(Unreadable::NoStatus)?;
    Ok(match word.to_ascii_lowercase().as_str() {
        "queued" | "pending" | "submitted" => Report::Waiting,
        "in_progress" | "processing" | "running" | "generating" => Report::Generating(progress(&video)),
        "completed" | "succeeded" | "success" => Report::Completed { url: url(&video) },
        "failed" | "error" | "cancelled" | "canceled" => Report::Failed(reason::of_failed_video(&video)),
        _ => Report::Unknown { word: word.chars().take(40).collect(), progress: progress(&video) },
    })
}

/// Percent as a number or as text (`"45%"`); none when it is missing or nonsense.
fn progress(video: &Map<String, Value>) -> Progress {
    let percent = match video.get("progress") {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().trim_end_matches('%').trim_end().parse().ok(),
        _ => None,
    };
    let percent = percent.filter(|percent: &f64| percent.is_finite()).unwrap_or_default();
    // In range by then.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Progress::clamped(percent.clamp(0.0, 100.0) as u32)
}

fn url(video: &Map<String, Value>) -> Option<Url> {
    let url = Url::parse(json::text(video, &["video_url", "url"])?).ok()?;
    matches!(url.scheme(), "http" | "https").then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generating(percent: u32) -> Report {
        Report::Generating(Progress::clamped(percent))
    }

    #[test]
    fn the_words_of_all_dialects_are_known() {
        let cases = [
            (r#"{"id":"v","object":"video","status":"queued","progress":0,"error":null}"#, Report::Waiting),
            (r#"{"status":"pending"}"#, Report::Waiting),
            (r#"{"status":"in_progress","progress":33}"#, generating(33)),
            (r#"{"status":"PROCESSING","progress":"45%"}"#, generating(45)),
            (r#"{"status":"processing","progress":12.9}"#, generating(12)),
            (r#"{"status":"in_progress","progress":-5}"#, generating(0)),
            (r#"{"status":"in_progress","progress":1e300}"#, generating(100)),
            (r#"{"status":"in_progress","progress":{"percent":5}}"#, generating(0)),
            (r#"{"status":"in_progress","progress":"NaN"}"#, generating(0)),
            (r#"{"status":"completed"}"#, Report::Completed { url: None }),
            (r#"{"status":"completed","video_url":"/relative"}"#, Report::Completed { url: None }),
            (r#"{"status":"completed","video_url":"file:///etc/passwd"}"#, Report::Completed { url: None }),
        ];
        for (body, expected) in cases {
            assert_eq!(read(body.as_bytes()), Ok(expected), "{body}");
        }
    }

    #[test]
    fn addresses_of_results_are_found() {
        for field in ["video_url", "url"] {
            let body = format!(r#"{{"status":"completed","{field}":"https://cdn.example/v.mp4?sig=1"}}"#);
            let url = Url::parse("https://cdn.example/v.mp4?sig=1").unwrap();
            assert_eq!(read(body.as_bytes()), Ok(Report::Completed { url: Some(url) }));
        }
    }

    #[test]
    fn a_present_error_means_failure_whatever_the_status() {
        for status in ["in_progress", "completed", "failed", "whatever"] {
            let body = format!(r#"{{"status":"{status}","error":{{"message":"no"}}}}"#);
            let reason = Reason { code: None, message: Some("no".into()) };
            assert_eq!(read(body.as_bytes()), Ok(Report::Failed(reason)));
        }
        assert_eq!(read(br#"{"error":"no"}"#), Ok(Report::Failed(Reason { code: None, message: Some("no".into()) })));
    }

    #[test]
    fn failure_needs_no_reason() {
        for word in ["failed", "cancelled", "canceled"] {
            let body = format!(r#"{{"status":"{word}","error":null}}"#);
            assert_eq!(read(body.as_bytes()), Ok(Report::Failed(Reason::default())));
        }
    }

    #[test]
    fn what_cannot_be_understood_says_so() {
        assert_eq!(
            read(br#"{"status":"dreaming","progress":7}"#),
            Ok(Report::Unknown { word: "dreaming".into(), progress: Progress::clamped(7) })
        );
        assert_eq!(read(b"<html>"), Err(Unreadable::NotJson));
        assert_eq!(read(br#"{"status":"comple"#), Err(Unreadable::NotJson));
        assert_eq!(read(b""), Err(Unreadable::NotJson));
        assert_eq!(read(b"[]"), Err(Unreadable::NotAnObject));
        assert_eq!(read(b"{}"), Err(Unreadable::NoStatus));
        assert_eq!(read(br#"{"status":3}"#), Err(Unreadable::NoStatus));
    }
}
