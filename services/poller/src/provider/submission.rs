use std::time::Duration;

use reqwest::{
    Body,
    multipart::{Form, Part},
};
use serde::Serialize;
use serde_json::Value;
use zoetrope_domain::{TaskId, TaskKind};
use zoetrope_storage::{ObjectKey, ObjectStorage, StorageError};

use super::{
    Provider,
    http::Operation,
    json::{self, Unreadable},
    reason,
};
use crate::{
    job::{ExternalId, Failure, FailureCode, Outcome, StoredFile},
    order::Order,
};

/// A request that is ready to be sent.
pub(crate) struct Submission {
    task_id: TaskId,
    payload: Payload,
}

enum Payload {
    Json(Box<[u8]>),
    /// With the reference image, which is read from object storage while it is sent.
    Form(Form),
}

/// The fields of a request; what is left to the provider is left out, since some refuse fields that they do not know.
#[derive(Serialize)]
struct Fields<'a> {
    model: &'a str,
    prompt: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    watermark: Option<bool>,
}

impl Provider {
    /// Makes the request for a job. An error is an outcome of which it is certain that nothing was sent.
    pub(crate) async fn prepare(&self, order: &Order, storage: &ObjectStorage) -> Result<Submission, Outcome> {
        let fields = Fields {
            model: self.models.get(&order.model).unwrap_or(&order.model),
            prompt: &order.prompt,
            seconds: (order.seconds > 0).then(|| order.seconds.to_string()),
            size: (!order.size.is_empty()).then_some(order.size.as_str()),
            watermark: order.watermark.then_some(true),
        };
        let unsupported = || Outcome::Failed(Failure::of(FailureCode::UnsupportedJob));
        let payload = match (order.kind.parse::<TaskKind>(), &order.reference) {
            (Ok(TaskKind::TextToVideo), None) => Payload::Json(serde_json::to_vec(&fields).map_err(|_| unsupported())?.into()),
            (Ok(TaskKind::ImageToVideo), Some(image)) => Payload::Form(form(&fields, image, storage).await?),
            (Ok(TaskKind::TextToVideo), Some(_)) | (Ok(TaskKind::ImageToVideo), None) | (Err(_), _) => {
                return Err(unsupported());
            }
        };
        Ok(Submission { task_id: order.task_id, payload })
    }

    /// Hands the job over. The intent must have been recorded before.
    pub(crate) async fn submit(&self, submission: Submission) -> Outcome {
        let url = self.http.endpoint(&[]);
        let answer = self.http.ask(Operation::Submit, |client| {
            let request = client.post(url).header("Idempotency-Key", submission.task_id.to_string());
            match submission.payload {
                Payload::Json(body) => request.header("Content-Type", "application/json").body(Vec::from(body)),
                Payload::Form(form) => request.multipart(form),
            }
        });
        match answer.await {
            Ok(answer) => {
                let outcome = judge(answer.status, answer.retry_after, &answer.body);
                report(answer.status, &outcome);
                outcome
            }
            Err(error) if error.is_not_sent() => {
                tracing::warn!(error = error.as_error(), "the submission did not reach the provider");
                Outcome::again()
            }
            Err(error) => {
                tracing::warn!(error = error.as_error(), "nobody knows whether the submission arrived");
                Outcome::Ambiguous
            }
        }
    }
}

async fn form(fields: &Fields<'_>, image: &StoredFile, storage: &ObjectStorage) -> Result<Form, Outcome> {
    let missing = || Outcome::Failed(Failure::of(FailureCode::ReferenceImageMissing));
    let key: ObjectKey = image.key.parse().map_err(|_| missing())?;
    let read = match storage.read(&key, None).await {
        Ok(read) => read,
        Err(StorageError::NotFound(_)) => return Err(missing()),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the reference image cannot be read now");
            return Err(Outcome::again());
        }
    };
    let part = || Part::stream_with_length(Body::wrap_stream(read.stream), read.info.size);
    // The type was recognised from the bytes when the image came, and is one of a handful.
    let extension = image.content_type.strip_prefix("image/").unwrap_or("bin").to_owned();
    let part = part().file_name(format!("reference.{extension}")).mime_str(&image.content_type).map_err(|_| missing())?;
    let mut form = Form::new().text("model", fields.model.to_owned()).text("prompt", fields.prompt.to_owned());
    if let Some(seconds) = &fields.seconds {
        form = form.text("seconds", seconds.clone());
    }
    if let Some(size) = fields.size {
        form = form.text("size", size.to_owned());
    }
    if fields.watermark == Some(true) {
        form = form.text("watermark", "true");
    }
    Ok(form.part("input_reference", part))
}

/// What an answer says about the submission; the table is in the module's page.
pub(super) fn judge(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Outcome {
    match status {
        200..=299 => match read(body) {
            Ok(Created::Accepted(id)) => Outcome::Accepted(id),
            Ok(Created::Refused(reason)) => refused(reason),
            Err(_) => Outcome::Ambiguous,
        },
        425 | 429 => Outcome::Again { retry_after },
        503 if retry_after.is_some() => Outcome::Again { retry_after },
        401 | 402 | 403 | 407 => Outcome::Failed(Failure::of(FailureCode::ProviderAccount)),
        408 | 409 => Outcome::Ambiguous,
        300..=499 => refused(reason::of_refusal(body)),
        _ => Outcome::Ambiguous,
    }
}

enum Created {
    Accepted(ExternalId),
    Refused(reason::Reason),
}

/// Reads the answer to a submission: a video, or its id alone, as JSON or as it is.
fn read(body: &[u8]) -> Result<Created, Unreadable> {
    let id = |text: &str| text.parse().map(Created::Accepted).map_err(|_| Unreadable::NoId);
    match serde_json::from_slice(body) {
        Ok(Value::Object(video)) => match json::text(&video, &["id"]) {
            Some(text) => id(text),
            None => reason::of_video(&video).map(Created::Refused).ok_or(Unreadable::NoId),
        },
        Ok(Value::String(text)) => id(&text),
        Ok(_) => Err(Unreadable::NotAnObject),
        Err(_) => {
            let text = str::from_utf8(body).map_err(|_| Unreadable::NotJson)?;
            // Not the beginning of something longer.
            let bare = text.trim().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.'));
            if bare { id(text) } else { Err(Unreadable::NotJson) }
        }
    }
}

fn refused(reason: reason::Reason) -> Outcome {
    Outcome::Failed(Failure::told(FailureCode::SubmissionRefused, reason.message, false))
}

fn report(status: u16, outcome: &Outcome) {
    match outcome {
        Outcome::Failed(Failure { code: FailureCode::ProviderAccount, .. }) => {
            tracing::error!(status, "the provider refuses our account: check its key, plan and permissions");
        }
        Outcome::Ambiguous => tracing::warn!(status, "nobody knows whether the provider took the submission"),
        _ => tracing::debug!(status, outcome = outcome.as_str(), "the provider answered the submission"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome in short.
    fn word(outcome: &Outcome) -> &str {
        match outcome {
            Outcome::Failed(failure) => failure.code.as_str(),
            other => other.as_str(),
        }
    }

    #[test]
    fn every_answer_has_its_meaning() {
        let wait = Some(Duration::from_secs(5));
        let cases: &[(u16, Option<Duration>, &str, &str)] = &[
            (200, None, r#"{"id":"video_1","object":"video","status":"queued"}"#, "accepted"),
            (201, None, r#"{"id":"video_1","status":"failed","error":{"message":"no"}}"#, "accepted"),
            (202, None, r#""video_1""#, "accepted"),
            (200, None, "video_1\n", "accepted"),
            (200, None, r#"{"error":{"message":"no"}}"#, "SUBMISSION_REFUSED"),
            (200, None, r#"{"id":"vid"#, "ambiguous"),
            (200, None, r#"{"id":"../../etc"}"#, "accepted"),
            (200, None, r#"{"id":".."}"#, "ambiguous"),
            (200, None, r#"{"id":""}"#, "ambiguous"),
            (200, None, "{}", "ambiguous"),
            (200, None, "[]", "ambiguous"),
            (200, None, "", "ambiguous"),
            (200, None, "<html>welcome</html>", "ambiguous"),
            (204, None, "", "ambiguous"),
            (307, None, "", "SUBMISSION_REFUSED"),
            (400, None, r#"{"error":{"message":"bad"}}"#, "SUBMISSION_REFUSED"),
            (401, None, r#"{"error":{"message":"Incorrect API key: sk-1"}}"#, "PROVIDER_ACCOUNT"),
            (402, None, "", "PROVIDER_ACCOUNT"),
            (403, None, "", "PROVIDER_ACCOUNT"),
            (404, None, "", "SUBMISSION_REFUSED"),
            (408, None, "", "ambiguous"),
            (409, None, "", "ambiguous"),
            (413, None, "", "SUBMISSION_REFUSED"),
            (422, None, "", "SUBMISSION_REFUSED"),
            (425, None, "", "again"),
            (429, None, "", "again"),
            (429, wait, "", "again"),
            (500, None, "", "ambiguous"),
            (500, wait, "", "ambiguous"),
            (502, None, "", "ambiguous"),
            (503, None, "", "ambiguous"),
            (503, wait, "", "again"),
            (504, None, "", "ambiguous"),
            (599, None, "", "ambiguous"),
        ];
        for (status, retry_after, body, expected) in cases {
            let outcome = judge(*status, *retry_after, body.as_bytes());
            assert_eq!(word(&outcome), *expected, "{status} {body}");
        }
        assert_eq!(judge(429, wait, b""), Outcome::Again { retry_after: wait });
    }

    #[test]
    fn the_user_reads_the_providers_reason_but_nothing_of_our_account() {
        let message = |status, body: &str| match judge(status, None, body.as_bytes()) {
            Outcome::Failed(failure) => failure.message,
            other => panic!("{other:?}"),
        };
        assert_eq!(message(400, r#"{"error":{"message":"size not supported"}}"#), "size not supported");
        assert_eq!(message(422, "<html>"), "the provider refused the request");
        assert!(!message(401, r#"{"error":{"message":"Incorrect API key: sk-1"}}"#).contains("sk-1"));
    }
}
