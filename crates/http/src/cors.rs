use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
            HeaderMap, HeaderValue, ORIGIN, VARY,
        },
    },
    middleware::Next,
    web::Data,
};

use crate::origin::AllowedOrigins;

const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Range, X-Request-Id, traceparent";
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "X-Request-Id, Retry-After, Content-Range, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset",
);
const ONE_DAY: &str = "86400";

/// The middleware that lets pages of other origins read the answers (CORS), and answers the question whether they may.
///
/// Any page may call with a token, which it must have been given. Pages of the allowed origins may have the browser send its cookies, too.
/// What a handler says of its own file stays.
///
/// Not `actix-cors`: that knows one policy for all origins, and these are two.
pub(crate) async fn share_with_pages(
    origins: Data<AllowedOrigins>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let page = request.headers().get(ORIGIN).cloned();
    let mut response = if page.is_some() && is_preflight(&request) {
        request.into_response(preflight_answer())
    } else {
        next.call(request).await?
    };
    let headers = response.headers_mut();
    if !headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN) {
        share(headers, page, &origins);
    }
    Ok(response)
}

fn share(headers: &mut HeaderMap, page: Option<HeaderValue>, origins: &AllowedOrigins) {
    // A cache must not give one page what was meant for another, and it fills with what is asked without a page.
    headers.append(VARY, HeaderValue::from_static("Origin"));
    let Some(page) = page else { return };
    if origins.contain(&page) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, page);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    } else {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    }
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
}

fn is_preflight(request: &ServiceRequest) -> bool {
    *request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight_answer() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, ONE_DAY))
        .finish()
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
        web,
    };

    use super::*;

    const LISTED: &str = "https://app.example";

    async fn answered(request: TestRequest) -> (u16, HeaderMap) {
        let origins = Data::new(AllowedOrigins::new(vec![LISTED.to_owned().try_into().unwrap()]));
        let public = || async { HttpResponse::Ok().insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*")).finish() };
        let service = init_service(
            App::new()
                .app_data(origins)
                .wrap(from_fn(share_with_pages))
                .service(web::resource("/x").to(|| async { "x" }))
                .service(web::resource("/public").to(public)),
        )
        .await;
        let response = call_service(&service, request.to_request()).await;
        (response.status().as_u16(), response.headers().clone())
    }

    fn text(headers: &HeaderMap, name: impl AsRef<str>) -> Option<&str> {
        headers.get(name.as_ref())?.to_str().ok()
    }

    #[actix_web::test]
    async fn cookies_are_for_the_listed_alone() {
        let (_, headers) = answered(TestRequest::get().uri("/x").insert_header((ORIGIN, LISTED))).await;
        assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_ORIGIN), Some(LISTED));
        assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_CREDENTIALS), Some("true"));
        for other in ["https://evil.example", "null", "https://app.example.evil.example", "http://app.example"] {
            let (_, headers) = answered(TestRequest::get().uri("/x").insert_header((ORIGIN, other))).await;
            assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_ORIGIN), Some("*"), "{other}");
            assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_CREDENTIALS), None, "{other}");
        }
    }

    #[actix_web::test]
    async fn caches_keep_the_answers_apart() {
        for request in [TestRequest::get().uri("/x"), TestRequest::get().uri("/nowhere").insert_header((ORIGIN, LISTED))] {
            assert_eq!(text(&answered(request).await.1, VARY), Some("Origin"));
        }
        let (_, headers) = answered(TestRequest::get().uri("/public").insert_header((ORIGIN, LISTED))).await;
        assert_eq!((text(&headers, ACCESS_CONTROL_ALLOW_ORIGIN), text(&headers, VARY)), (Some("*"), None));
    }

    #[actix_web::test]
    async fn a_preflight_is_answered_here() {
        let asked = TestRequest::default()
            .method(Method::OPTIONS)
            .uri("/x")
            .insert_header((ORIGIN, LISTED))
            .insert_header((ACCESS_CONTROL_REQUEST_METHOD, "POST"));
        let (status, headers) = answered(asked).await;
        assert_eq!(status, 204);
        assert!(text(&headers, ACCESS_CONTROL_ALLOW_HEADERS).unwrap().contains("Idempotency-Key"));
        assert!(text(&headers, ACCESS_CONTROL_ALLOW_METHODS).unwrap().contains("DELETE"));
        assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_ORIGIN), Some(LISTED));
        // Without a page behind it, it is a method like others.
        assert_eq!(answered(TestRequest::default().method(Method::OPTIONS).uri("/x")).await.0, 200);
    }
}
