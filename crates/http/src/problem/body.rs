use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::ProblemCode;

/// The error body of every endpoint and client family.
///
/// The same facts stand in several places, because each family looks for them elsewhere.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody {
    /// Always false.
    pub success: bool,
    /// `fail` when the request was at fault, `error` when the server was.
    #[schema(example = "fail")]
    pub status: &'static str,
    #[schema(example = "Validation Error")]
    pub error: &'static str,
    pub code: ProblemCode,
    #[schema(example = "prompt must not be empty")]
    pub message: String,
    /// The same as `message`.
    #[schema(example = "prompt must not be empty")]
    pub detail: String,
    /// The HTTP status.
    #[schema(example = 400)]
    pub status_code: u16,
    /// The same as the response's `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Seconds, the same as the response's `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2)]
    pub retry_after: Option<u64>,
    /// The fields at fault; empty unless the problem is about fields.
    pub errors: Vec<FieldError>,
    /// `code` and `message` again, and what else the code promises (`required` and `current` credits).
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// A field of the request, by the client's name for it, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// `body` stands for the request body as a whole.
    #[schema(example = "prompt")]
    pub field: String,
    #[schema(example = "must not be empty")]
    pub message: String,
}

impl FieldError {
    /// `message` reads on from the field's name: "must not be empty".
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.field, self.message)
    }
}
