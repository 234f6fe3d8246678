//! The success body of the *enveloped* client families: JSend and the `success` convention at once.

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody};
use serde::Serialize;
use utoipa::ToSchema;

/// `{"success": true, "status": "success", "message"?: …, "data": …}`. As a response its status is 200.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// Always true.
    success: bool,
    #[schema(example = "success")]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    data: T,
}

/// Wraps `data`.
pub fn success<T>(data: T) -> Envelope<T> {
    Envelope { success: true, status: "success", message: None, data }
}

/// Wraps `data` with a sentence that clients may show.
pub fn success_with_message<T>(message: impl Into<String>, data: T) -> Envelope<T> {
    Envelope { message: Some(message.into()), ..success(data) }
}

impl<T: Serialize> Responder for Envelope<T> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().json(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_message_is_left_out_when_there_is_none() {
        let plain = serde_json::to_value(success(1)).unwrap();
        assert_eq!(plain, json!({ "success": true, "status": "success", "data": 1 }));
        let spoken = serde_json::to_value(success_with_message("done", 1)).unwrap();
        assert_eq!(spoken, json!({ "success": true, "status": "success", "message": "done", "data": 1 }));
    }
}
