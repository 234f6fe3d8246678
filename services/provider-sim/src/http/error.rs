//! Errors as this API writes them: `{"error": {"message", "type", "param", "code"}}`.

use std::{error::Error, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header::RETRY_AFTER},
};
use serde_json::json;

use crate::faults::Refusal;

const INVALID_REQUEST: &str = "invalid_request_error";

#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    message: String,
    param: Option<&'static str>,
    code: Option<&'static str>,
    retry_after: Option<u32>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), param: None, code: None, retry_after: None }
    }

    /// A field of the request has a value that cannot be used.
    pub(crate) fn invalid(param: &'static str, message: impl fmt::Display) -> Self {
        let message = format!("Invalid '{param}': {message}.");
        Self { param: Some(param), code: Some("invalid_value"), ..Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message) }
    }

    pub(crate) fn missing(param: &'static str) -> Self {
        let message = format!("Missing required parameter: '{param}'.");
        Self {
            param: Some(param),
            code: Some("missing_required_parameter"),
            ..Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
        }
    }

    pub(crate) fn body(error: &dyn fmt::Display) -> Self {
        let message = format!("We could not parse the body of your request: {error}.");
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
    }

    pub(crate) fn query(error: &dyn fmt::Display) -> Self {
        let message = format!("We could not parse the query of your request: {error}.");
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, message)
    }

    pub(crate) fn unauthorized() -> Self {
        Self {
            code: Some("invalid_api_key"),
            ..Self::new(StatusCode::UNAUTHORIZED, INVALID_REQUEST, "Incorrect API key provided.")
        }
    }

    pub(crate) fn unknown_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, "Invalid URL.")
    }

    pub(crate) fn no_such_video(id: &str) -> Self {
        Self {
            param: Some("video_id"),
            code: Some("not_found"),
            ..Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, format!("Video with id '{id}' not found."))
        }
    }

    pub(crate) fn not_ready() -> Self {
        let message = "Video is not ready yet, use GET /v1/videos/{video_id} to check its status.";
        Self { code: Some("video_not_ready"), ..Self::new(StatusCode::CONFLICT, INVALID_REQUEST, message) }
    }

    /// The address of a file is forged, or its time is over.
    pub(crate) fn link_refused() -> Self {
        Self {
            code: Some("link_expired"),
            ..Self::new(StatusCode::FORBIDDEN, INVALID_REQUEST, "This link is not valid, or no longer.")
        }
    }

    /// An error that was asked for by a directive.
    pub(crate) fn simulated(status: u16, retry_after: Option<u32>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (kind, code) = match status {
            StatusCode::TOO_MANY_REQUESTS => ("requests", "rate_limit_exceeded"),
            status if status.is_server_error() => ("server_error", "server_error"),
            _ => (INVALID_REQUEST, "simulated"),
        };
        let message = format!("Simulated answer {status}.");
        Self { code: Some(code), retry_after, ..Self::new(status, kind, message) }
    }

    /// Something is wrong with the simulator itself. The cause is logged, not sent.
    pub(crate) fn internal(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request could not be served");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The simulator had an error.")
    }
}

/// An error of this code, also with a status that is none.
pub(super) fn refusal(status: u16, refusal: Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (code, message) = (refusal.code(), refusal.message());
    HttpResponse::build(status).json(json!({ "error": { "message": message, "type": code, "param": null, "code": code } }))
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        response.json(json!({
            "error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        }))
    }
}
