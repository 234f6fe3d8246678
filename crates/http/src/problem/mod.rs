mod body;
mod code;
mod database;

use std::{error::Error, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde_json::{Map, Value};

pub use body::{FieldError, ProblemBody};
pub use code::ProblemCode;

use crate::RequestId;

type Source = Box<dyn Error + Send + Sync>;

/// Why a request failed, in the words that the client may read, with the cause that it may not.
///
/// As a response it is the one error body of all client families, see [`ProblemBody`].
#[derive(Debug)]
pub struct Problem {
    code: ProblemCode,
    message: String,
    errors: Vec<FieldError>,
    data: Map<String, Value>,
    retry_after_seconds: Option<u64>,
    source: Option<Source>,
}

impl Problem {
    /// Any problem; the named constructors say more.
    pub fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), errors: Vec::new(), data: Map::new(), retry_after_seconds: None, source: None }
    }

    /// 400: the request's fields, as the client named them, that cannot be taken. `errors` should not be empty.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let message = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Self { errors, ..Self::new(ProblemCode::Validation, message) }
    }

    /// 400 for a single field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::validation(vec![FieldError::new(field, message)])
    }

    /// 401: no credentials, or bad ones.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(ProblemCode::Unauthorized, message)
    }

    /// 402: the balance does not suffice.
    pub fn insufficient_credits(required: i64, current: i64) -> Self {
        let message = format!("{required} credits are needed, the balance is {current}");
        Self::new(ProblemCode::InsufficientCredits, message).with_data("required", required).with_data("current", current)
    }

    /// 403: known, but not allowed.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ProblemCode::Forbidden, message)
    }

    /// 404; also for what belongs to another user, whose existence is not revealed.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ProblemCode::NotFound, message)
    }

    /// 409: the resource exists, but not in a state that allows this.
    pub fn invalid_state(message: impl Into<String>) -> Self {
        Self::new(ProblemCode::InvalidState, message)
    }

    /// 409: the field holds a value that another resource has already.
    pub fn conflict(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError::new(field, message);
        Self { errors: vec![error.clone()], ..Self::new(ProblemCode::Conflict, error.to_string()) }
    }

    /// 413, with the limit in bytes.
    pub fn too_large(limit: u64) -> Self {
        Self::new(ProblemCode::TooLarge, format!("the request is larger than {limit} bytes"))
    }

    /// 415.
    pub fn unsupported_media(message: impl Into<String>) -> Self {
        Self::new(ProblemCode::UnsupportedMedia, message)
    }

    /// 415 for a file in a field.
    pub fn unsupported_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError::new(field, message);
        Self { errors: vec![error.clone()], ..Self::unsupported_media(error.to_string()) }
    }

    /// 422: the idempotency key was used with another body.
    pub fn idempotency_mismatch() -> Self {
        Self::new(ProblemCode::IdempotencyMismatch, "this Idempotency-Key was used for another request")
    }

    /// 429, with the wait in seconds.
    pub fn rate_limited(retry_after_seconds: u64) -> Self {
        let problem = Self::new(ProblemCode::RateLimited, "too many requests, try again later");
        Self { retry_after_seconds: Some(retry_after_seconds), ..problem }
    }

    /// 503: a server behind us is away or too busy; the wait is in seconds. `source` goes to the log.
    pub fn unavailable(retry_after_seconds: u64, source: impl Into<Source>) -> Self {
        let problem = Self::new(ProblemCode::Unavailable, "the service is temporarily unavailable, try again shortly");
        Self { retry_after_seconds: Some(retry_after_seconds), source: Some(source.into()), ..problem }
    }

    /// 500: `source` goes to the log, and nothing of it to the client.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self { source: Some(source.into()), ..Self::new(ProblemCode::Internal, "something went wrong on our side") }
    }

    /// Adds a field to `data`, which always holds `code` and `message`.
    #[must_use]
    pub fn with_data(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.data.insert(name.to_owned(), value.into());
        self
    }

    pub fn code(&self) -> ProblemCode {
        self.code
    }

    /// What the client reads.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fields at fault, if the problem is about fields.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The causes that only the log may hold, outermost first.
    pub(crate) fn causes(&self) -> impl Iterator<Item = &(dyn Error + 'static)> {
        let first: Option<&(dyn Error + 'static)> = match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        };
        std::iter::successors(first, |error| Error::source(*error))
    }

    fn body(&self) -> ProblemBody {
        let mut data = self.data.clone();
        data.insert("code".to_owned(), self.code.as_str().into());
        data.insert("message".to_owned(), self.message.as_str().into());
        ProblemBody {
            success: false,
            status: if self.code.status().is_server_error() { "error" } else { "fail" },
            error: self.code.title(),
            code: self.code,
            message: self.message.clone(),
            detail: self.message.clone(),
            status_code: self.code.status().as_u16(),
            request_id: RequestId::current().map(|id| id.to_string()),
            retry_after: self.retry_after_seconds,
            errors: self.errors.clone(),
            data,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.causes().next()
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.code.status());
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.code == ProblemCode::Unauthorized {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.json(self.body())
    }
}

#[cfg(test)]
mod tests;
