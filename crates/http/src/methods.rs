//! `HEAD` and `OPTIONS`, for which nobody writes a handler, and what a 405 says.

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody, None as NoBody, SizedStream},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{ALLOW, HeaderMap, HeaderValue, UPGRADE},
    },
    middleware::Next,
};
use bytes::Bytes;
use futures_util::stream;

/// The client asked with `HEAD`: noted because the handler is told that it was a `GET`.
struct HeadRequest;

/// Whether only the head of the answer is wanted. For handlers that would open a stream or a file for nothing; whatever they answer, no body
/// is sent.
pub fn is_head(request: &HttpRequest) -> bool {
    *request.method() == Method::HEAD || request.extensions().contains::<HeadRequest>()
}

/// The middleware that answers `HEAD` wherever there is a `GET`, with the head of the same answer, and `OPTIONS` wherever there is anything.
/// A 405 names in `Allow` what the address takes.
pub(crate) async fn head_and_options(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let method = request.method().clone();
    if method == Method::HEAD {
        let head = request.head_mut();
        head.method = Method::GET;
        // The answer to HEAD is a head: it never turns the connection into something else.
        head.headers.remove(UPGRADE);
        request.extensions_mut().insert(HeadRequest);
    }
    let mut response = next.call(request).await?;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let allowed = allowed(response.headers());
        if method == Method::OPTIONS {
            response = response.into_response(HttpResponse::NoContent().finish());
        }
        if let Ok(allowed) = HeaderValue::from_str(&allowed) {
            response.headers_mut().insert(ALLOW, allowed);
        }
    }
    Ok(if method == Method::HEAD { response.map_body(|_, body| without_content(&body)) } else { response })
}

/// What actix knows of the routes of the resource, and what is answered here.
fn allowed(headers: &HeaderMap) -> String {
    let registered = headers.get_all(ALLOW).filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(','));
    let mut methods: Vec<&str> = Vec::new();
    for method in registered.map(str::trim).filter(|method| !method.is_empty()) {
        let and_head = (method == "GET").then_some("HEAD");
        methods.extend([method].into_iter().chain(and_head));
    }
    methods.push("OPTIONS");
    methods.sort_unstable();
    methods.dedup();
    methods.join(", ")
}

/// As long as the body that a `GET` would bring, where that is known, and without a byte of it.
fn without_content(body: &BoxBody) -> BoxBody {
    match body.size() {
        BodySize::Sized(length) => BoxBody::new(SizedStream::new(length, stream::empty::<Result<Bytes, Error>>())),
        BodySize::None | BodySize::Stream => BoxBody::new(NoBody::new()),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        http::header::{CONTENT_LENGTH, CONTENT_TYPE},
        middleware::from_fn,
        test::{TestRequest, call_service, init_service, read_body},
        web,
    };

    use super::*;
    use crate::request_context;

    async fn answer(method: Method, path: &str) -> (StatusCode, HeaderMap, BodySize, Bytes) {
        let endless = || async { HttpResponse::Ok().streaming(stream::pending::<Result<Bytes, Error>>()) };
        let seen = |request: HttpRequest| async move { format!("{} {}", request.method(), is_head(&request)) };
        let service = init_service(
            App::new()
                .wrap(from_fn(head_and_options))
                .wrap(from_fn(request_context))
                .service(web::resource("/both").route(web::get().to(seen)).route(web::post().to(|| async { "made" })))
                .service(web::resource("/change").route(web::put().to(|| async { "changed" })))
                .service(web::resource("/endless").route(web::get().to(endless))),
        )
        .await;
        let response = call_service(&service, TestRequest::with_uri(path).method(method).to_request()).await;
        let (status, headers, size) = (response.status(), response.headers().clone(), response.response().body().size());
        (status, headers, size, read_body(response).await)
    }

    #[actix_web::test]
    async fn head_is_answered_as_get_without_the_body() {
        let (status, _, size, body) = answer(Method::HEAD, "/both").await;
        assert_eq!((status, size, body.len()), (StatusCode::OK, BodySize::Sized("GET true".len() as u64), 0));
        let (_, _, _, body) = answer(Method::GET, "/both").await;
        assert_eq!(body, "GET false");
        // Would never come to an end.
        let (status, headers, size, body) = answer(Method::HEAD, "/endless").await;
        assert_eq!((status, size, body.len()), (StatusCode::OK, BodySize::None, 0));
        assert!(!headers.contains_key(CONTENT_LENGTH));
        // An error has a head as well. Its body is made outside of this middleware, and kept back by the HTTP codec.
        let (status, headers, ..) = answer(Method::HEAD, "/nowhere").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(headers.get(CONTENT_TYPE).unwrap(), "application/json");
    }

    #[actix_web::test]
    async fn a_method_that_is_not_taken_is_told_which_are() {
        for (method, path, allowed) in [
            (Method::DELETE, "/both", "GET, HEAD, OPTIONS, POST"),
            (Method::TRACE, "/both", "GET, HEAD, OPTIONS, POST"),
            (Method::GET, "/change", "OPTIONS, PUT"),
            (Method::HEAD, "/change", "OPTIONS, PUT"),
        ] {
            let (status, headers, ..) = answer(method.clone(), path).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(headers.get(ALLOW).unwrap(), allowed, "{method} {path}");
        }
    }

    #[actix_web::test]
    async fn options_are_told() {
        let (status, headers, _, body) = answer(Method::OPTIONS, "/both").await;
        assert_eq!((status, body.len()), (StatusCode::NO_CONTENT, 0));
        assert_eq!(headers.get(ALLOW).unwrap(), "GET, HEAD, OPTIONS, POST");
        assert_eq!(answer(Method::OPTIONS, "/nowhere").await.0, StatusCode::NOT_FOUND);
    }
}
