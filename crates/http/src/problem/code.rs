use actix_web::http::StatusCode;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// What went wrong, as a word that clients may rely on. Codes are never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
pub enum ProblemCode {
    #[schema(rename = "VALIDATION_ERROR")]
    Validation,
    #[schema(rename = "UNAUTHORIZED")]
    Unauthorized,
    #[schema(rename = "INSUFFICIENT_CREDITS")]
    InsufficientCredits,
    #[schema(rename = "FORBIDDEN")]
    Forbidden,
    /// A cookie signs it in, and it comes from a page that is not ours.
    #[schema(rename = "ORIGIN_NOT_ALLOWED")]
    ForeignOrigin,
    #[schema(rename = "NOT_FOUND")]
    NotFound,
    #[schema(rename = "METHOD_NOT_ALLOWED")]
    MethodNotAllowed,
    /// The body came too slowly, or for too long.
    #[schema(rename = "REQUEST_TIMEOUT")]
    RequestTimeout,
    #[schema(rename = "INVALID_STATE")]
    InvalidState,
    #[schema(rename = "CONFLICT")]
    Conflict,
    #[schema(rename = "TOO_LARGE")]
    TooLarge,
    #[schema(rename = "UNSUPPORTED_MEDIA")]
    UnsupportedMedia,
    /// `Range` asks for what is behind the end of the file.
    #[schema(rename = "RANGE_NOT_SATISFIABLE")]
    RangeNotSatisfiable,
    #[schema(rename = "IDEMPOTENCY_MISMATCH")]
    IdempotencyMismatch,
    #[schema(rename = "RATE_LIMITED")]
    RateLimited,
    #[schema(rename = "INTERNAL_ERROR")]
    Internal,
    #[schema(rename = "UNAVAILABLE")]
    Unavailable,
}

impl ProblemCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validation => "VALIDATION_ERROR",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::InsufficientCredits => "INSUFFICIENT_CREDITS",
            Self::Forbidden => "FORBIDDEN",
            Self::ForeignOrigin => "ORIGIN_NOT_ALLOWED",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::InvalidState => "INVALID_STATE",
            Self::Conflict => "CONFLICT",
            Self::TooLarge => "TOO_LARGE",
            Self::UnsupportedMedia => "UNSUPPORTED_MEDIA",
            Self::RangeNotSatisfiable => "RANGE_NOT_SATISFIABLE",
            Self::IdempotencyMismatch => "IDEMPOTENCY_MISMATCH",
            Self::RateLimited => "RATE_LIMITED",
            Self::Internal => "INTERNAL_ERROR",
            Self::Unavailable => "UNAVAILABLE",
        }
    }

    pub const fn status(self) -> StatusCode {
        match self {
            Self::Validation => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::InsufficientCredits => StatusCode::PAYMENT_REQUIRED,
            Self::Forbidden | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::InvalidState | Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The label in the body's `error`, which some clients show.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Validation => "Validation Error",
            Self::Unauthorized => "Unauthorized",
            Self::InsufficientCredits => "Insufficient Credits",
            Self::Forbidden => "Forbidden",
            Self::ForeignOrigin => "Origin Not Allowed",
            Self::NotFound => "Not Found",
            Self::MethodNotAllowed => "Method Not Allowed",
            Self::RequestTimeout => "Request Timeout",
            Self::InvalidState => "Invalid State",
            Self::Conflict => "Conflict",
            Self::TooLarge => "Too Large",
            Self::UnsupportedMedia => "Unsupported Media",
            Self::RangeNotSatisfiable => "Range Not Satisfiable",
            Self::IdempotencyMismatch => "Idempotency Mismatch",
            Self::RateLimited => "Rate Limited",
            Self::Internal => "Internal Error",
            Self::Unavailable => "Unavailable",
        }
    }
}

impl Serialize for ProblemCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
