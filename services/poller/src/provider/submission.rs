use reqwest::{
    Body,
    multipart::{Form, Part},
};
use serde::Serialize;
use serde_json::Value;
use zoetrope_domain::{TaskId, TaskKind};
use zoetrope_storage::{ObjectKey, ObjectStorage, StorageError};

use super::{
    Provider, envelope,
    http::{Answer, Operation},
    json::Content,
    reason::{self, Basis, Complaint},
    refusal::{self, Kind, Refusal},
    status::{self, Status},
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
                let outcome = judge(&answer);
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
fn judge(answer: &Answer) -> Outcome {
    let Answer { status, retry_after, ref content, ref refusal } = *answer;
    let is_plain = refusal.as_ref().is_some_and(|refusal| refusal.is_plain);
    let (kind, message) = match refusal {
        Some(Refusal { kind, reason, .. }) => (*kind, reason.message.clone()),
        None => (Kind::Other, None),
    };
    let again = Outcome::Again { retry_after };
    let account = || Outcome::Failed(Failure::of(FailureCode::ProviderAccount));
    let refused = || Outcome::Failed(Failure::told(FailureCode::SubmissionRefused, message, kind == Kind::Overload));
    match (status, kind) {
        (200..=299, _) => match (created(content), refusal) {
            (Some(id), _) => Outcome::Accepted(id),
            (None, Some(_)) => match kind {
                Kind::RateLimit => again,
                Kind::Overload => Outcome::Ambiguous,
                // A code that nobody explains may say that all is well.
                Kind::Other if !is_plain => Outcome::Ambiguous,
                Kind::Quota | Kind::Auth => account(),
                Kind::Moderation | Kind::NotFound | Kind::Invalid | Kind::Other => refused(),
            },
            (None, None) => failed_at_once(content).unwrap_or(Outcome::Ambiguous),
        },
        (408 | 409, _) => Outcome::Ambiguous,
        // Of a server that failed, only codes make it one of these: it may have taken the job.
        (_, Kind::Moderation) => refused(),
        (_, Kind::Quota | Kind::Auth) => account(),
        (425 | 429, _) => again,
        (503, _) if retry_after.is_some() => again,
        (300..=499, Kind::RateLimit) => again,
        (300..=499, _) => refused(),
        _ => Outcome::Ambiguous,
    }
}

/// The id in the answer to a submission: that of a video, or the id alone, as JSON or as it is.
fn created(content: &Content) -> Option<ExternalId> {
    let text = match content {
        Content::Json(Value::String(text)) => text.clone(),
        Content::Json(Value::Number(number)) if number.is_u64() => number.to_string(),
        Content::Json(answer) => return envelope::open(answer, None)?.id()?.parse().ok(),
        // Not the beginning of something longer.
        Content::Text(text) if text.trim().chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.')) => {
            text.clone()
        }
        Content::Text(_) => return None,
    };
    // "OK" and "404" are nobody's names.
    let text = text.trim();
    if envelope::looks_like_id(text) { text.parse().ok() } else { None }
}

/// A video without an id that has failed.
fn failed_at_once(content: &Content) -> Option<Outcome> {
    let opened = envelope::open(content.json().ok()?, None)?;
    let Complaint { reason, basis } = reason::of_envelope(&opened)?;
    let failed = opened.status().and_then(status::of) == Some(Status::Failed);
    if !failed && basis == Basis::Code {
        return None;
    }
    let kind = refusal::sort(None, &reason);
    let code = if kind.concerns_operator() { FailureCode::ProviderAccount } else { FailureCode::SubmissionRefused };
    let message = if kind.concerns_operator() { None } else { reason.message };
    Some(Outcome::Failed(Failure::told(code, message, !kind.is_about_the_request())))
}

fn report(status: u16, outcome: &Outcome) {
    match outcome {
        Outcome::Ambiguous => tracing::warn!(status, "nobody knows whether the provider took the submission"),
        _ => tracing::debug!(status, outcome = outcome.as_str(), "the provider answered the submission"),
    }
}

#[cfg(test)]
#[path = "submission_tests.rs"]
mod tests;
