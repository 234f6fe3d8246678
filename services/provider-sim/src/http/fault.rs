//! From a fault to what the client sees.

use actix_web::{HttpResponse, http::header::ContentType};
use serde_json::json;

use super::{
    cut,
    error::{self, ApiError},
};
use crate::faults::Fault;

/// Cut off in the middle, as by a broken proxy.
const MALFORMED: &str = r#"{"id": "video_", "object": "vid"#;

/// What a proxy shows for a server that it cannot reach.
const PAGE: &str = "<!doctype html><html><head><title>Please stand by</title></head><body>We are back in a minute.</body></html>";

/// True when the call takes effect before the answer goes wrong.
pub(super) fn takes_effect(fault: Fault) -> bool {
    match fault {
        Fault::Malformed | Fault::UnknownStatus | Fault::Garbage | Fault::CutAfter | Fault::CutHalfway => true,
        Fault::Status { .. } | Fault::Refusal { .. } | Fault::CutBefore => false,
    }
}

/// The answer to a call that has no body worth cutting in half.
pub(super) fn answer(fault: Fault) -> Result<HttpResponse, ApiError> {
    match fault {
        Fault::Status { status, retry_after } => Err(ApiError::simulated(status, retry_after)),
        Fault::Refusal { status, refusal } => Ok(error::refusal(status, refusal)),
        Fault::Malformed => Ok(HttpResponse::Ok().content_type("application/json").body(MALFORMED)),
        Fault::UnknownStatus => Ok(HttpResponse::Ok().json(json!({ "object": "video", "status": "dreaming", "progress": 42 }))),
        Fault::Garbage => Ok(HttpResponse::Ok().content_type(ContentType::html()).body(PAGE)),
        Fault::CutBefore | Fault::CutAfter | Fault::CutHalfway => Ok(cut::without_answer()),
    }
}
