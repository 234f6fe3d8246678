//! From a fault to what the client sees.

use actix_web::HttpResponse;

use super::{cut, error::ApiError};
use crate::faults::Fault;

/// Cut off in the middle, as by a broken proxy.
const MALFORMED: &str = r#"{"id": "video_", "object": "vid"#;

/// True when the call takes effect before the answer goes wrong.
pub(super) fn takes_effect(fault: Fault) -> bool {
    match fault {
        Fault::Malformed | Fault::CutAfter | Fault::CutHalfway => true,
        Fault::Status { .. } | Fault::CutBefore => false,
    }
}

/// The answer to a call that has no body worth cutting in half.
pub(super) fn answer(fault: Fault) -> Result<HttpResponse, ApiError> {
    match fault {
        Fault::Status { status, retry_after } => Err(ApiError::simulated(status, retry_after)),
        Fault::Malformed => Ok(HttpResponse::Ok().content_type("application/json").body(MALFORMED)),
        Fault::CutBefore | Fault::CutAfter | Fault::CutHalfway => Ok(cut::without_answer()),
    }
}
