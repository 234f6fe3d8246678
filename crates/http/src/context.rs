use std::time::Instant;

use actix_web::{
    Error, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
    middleware::Next,
};
use tracing::{Instrument, Span, field};

use crate::{Problem, ProblemCode, RequestId, request_id::X_REQUEST_ID};

/// The middleware around every request; goes around all that answers, with `actix_web::middleware::from_fn`.
///
/// It names the request, opens its span as a part of the caller's trace, makes sure that every error has the one error body,
/// logs server errors with their causes, and writes the access log and the metrics.
pub async fn request_context<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let id = header(X_REQUEST_ID.as_str()).and_then(RequestId::from_header).unwrap_or_else(RequestId::generate);
    let span = root_span(&request, &id);
    // As the client sent it; what answers HEAD tells the handler that it was a GET.
    let method = request.method().clone();
    zoetrope_service::trace::continue_from(&span, header("traceparent"));

    let handling = async {
        let mut response = with_problem_body(next.call(request).await?.map_into_boxed_body());
        report(&response, &method, started);
        if let Some(value) = id.to_header() {
            response.headers_mut().insert(X_REQUEST_ID, value);
        }
        Ok(response)
    };
    id.clone().scope(handling.instrument(span)).await
}

fn root_span(request: &ServiceRequest, id: &RequestId) -> Span {
    tracing::info_span!(
        "request",
        otel.name = field::Empty,
        otel.kind = "server",
        request_id = %id,
        method = %request.method(),
        // Without the query: it may hold signatures and tokens.
        path = request.path(),
        route = field::Empty,
        status = field::Empty,
        user_id = field::Empty,
    )
}

/// Errors that did not come from a handler (no route, another crate's extractor) get the one error body too.
fn with_problem_body(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let inner = response.response();
    let problem = match inner.error() {
        Some(error) if error.as_error::<Problem>().is_some() => return response,
        Some(error) => foreign(response.status(), &error.to_string()),
        None if has_no_body(inner) => empty(response.status()),
        None => return response,
    };
    let Some(problem) = problem else { return response };
    let mut said = HttpResponse::from_error(problem);
    // Such as `Allow` and `Content-Range`.
    for (name, value) in inner.headers() {
        if *name != CONTENT_TYPE && *name != CONTENT_LENGTH && !said.headers().contains_key(name) {
            said.headers_mut().append(name.clone(), value.clone());
        }
    }
    response.into_response(said)
}

fn has_no_body(response: &HttpResponse<BoxBody>) -> bool {
    matches!(response.body().size(), BodySize::None | BodySize::Sized(0))
}

/// What actix answers by itself when no route fits, and what a handler answers with a status alone.
fn empty(status: StatusCode) -> Option<Problem> {
    match status {
        StatusCode::NOT_FOUND => Some(Problem::not_found("there is nothing at this address")),
        StatusCode::METHOD_NOT_ALLOWED => {
            Some(Problem::new(ProblemCode::MethodNotAllowed, "this address does not take this method"))
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            Some(Problem::new(ProblemCode::RangeNotSatisfiable, "the file does not reach that far"))
        }
        status => foreign(status, status.canonical_reason().unwrap_or("the request cannot be answered")),
    }
}

fn foreign(status: StatusCode, message: &str) -> Option<Problem> {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Some(Problem::new(ProblemCode::TooLarge, message)),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Some(Problem::unsupported_media(message)),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::RANGE_NOT_SATISFIABLE => empty(status),
        status if status.is_client_error() => Some(Problem::new(ProblemCode::Validation, message)),
        status if status.is_server_error() => Some(Problem::internal(message)),
        _ => None,
    }
}

fn report(response: &ServiceResponse<BoxBody>, method: &Method, started: Instant) {
    let status = response.status().as_u16();
    // The pattern and never the path: a path per task would be a time series per task.
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let duration_seconds = started.elapsed().as_secs_f64();

    let span = Span::current();
    span.record("otel.name", format_args!("{method} {route}"));
    span.record("route", route.as_str());
    span.record("status", status);
    if let Some(problem) = response.response().error().and_then(|error| error.as_error::<Problem>()) {
        report_problem(problem);
    }
    tracing::info!(duration_seconds, "answered");
    metrics::histogram!(
        "zoetrope_http_request_seconds",
        "method" => method_label(method),
        "route" => route,
        "status" => status.to_string(),
    )
    .record(duration_seconds);
}

/// The one place where a server error is logged.
fn report_problem(problem: &Problem) {
    let causes = || problem.causes().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    match problem.code() {
        ProblemCode::Internal => tracing::error!(causes = causes(), "the request failed"),
        // The server that is away alarms by itself, and is back without our doing.
        ProblemCode::Unavailable => tracing::warn!(causes = causes(), "the request could not be served now"),
        _ => tracing::debug!(code = problem.code().as_str(), message = problem.message(), "the request was refused"),
    }
}

/// Clients can invent methods; time series cannot.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests;
