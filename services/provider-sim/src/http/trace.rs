//! A span around each call, as a part of the caller's trace.

use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::HeaderMap,
    middleware::Next,
};
use tracing::Instrument;
use zoetrope_service::trace;

/// The W3C trace context that the caller sent.
pub(super) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    headers.get("traceparent").and_then(|value| value.to_str().ok())
}

/// Middleware: handles the request inside a span of its own.
pub(super) async fn traced(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let span = tracing::info_span!(
        "provider call",
        otel.kind = "server",
        method = %request.method(),
        path = request.path()
    );
    trace::continue_from(&span, traceparent(request.headers()));
    next.call(request).instrument(span).await
}
