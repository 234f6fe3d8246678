use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
            ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
        },
    },
    middleware::Next,
    web::Data,
};

use crate::origin::AllowedOrigins;

const ANY: HeaderValue = HeaderValue::from_static("*");
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
/// What a page of an allowed origin may send beside its cookies: what we read, what browsers and proxies know, and what libraries for tracing,
/// for the OpenAI API and for requests in general add by themselves.
const REQUEST_HEADERS: &str = "Accept, Accept-Language, Authorization, Baggage, Cache-Control, Content-Disposition, Content-Language, \
    Content-Type, Idempotency-Key, If-Match, If-Modified-Since, If-None-Match, If-Range, Last-Event-ID, OpenAI-Beta, OpenAI-Organization, \
    OpenAI-Project, Pragma, Prefer, Range, Request-Id, Sentry-Trace, traceparent, tracestate, X-Api-Key, X-Client-Version, \
    X-Correlation-Id, X-CSRF-Token, X-Datadog-Origin, X-Datadog-Parent-Id, X-Datadog-Sampling-Priority, X-Datadog-Trace-Id, X-Request-Id, \
    X-Requested-With, X-Stainless-Arch, X-Stainless-Async, X-Stainless-Custom-Poll-Interval, X-Stainless-Helper-Method, \
    X-Stainless-Lang, X-Stainless-OS, X-Stainless-Package-Version, X-Stainless-Poll-Helper, X-Stainless-Raw-Response, \
    X-Stainless-Read-Timeout, X-Stainless-Retry-Count, X-Stainless-Runtime, X-Stainless-Runtime-Version, X-Stainless-Timeout, \
    X-XSRF-Token";
/// The same list stands in the gateway's configuration.
const RESPONSE_HEADERS: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Allow, Content-Disposition, Content-Encoding, Content-Length, Content-Range, Date, ETag, Last-Modified, Link, Location, \
     OpenAI-Organization, OpenAI-Processing-Ms, OpenAI-Version, Retry-After, Server-Timing, WWW-Authenticate, X-RateLimit-Limit, \
     X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id",
);
/// Names of headers that are echoed, and letters of all of them. Nobody needs that many.
const MOST_HEADERS: usize = 100;
const MOST_LETTERS: usize = 4096;
const ONE_DAY: &str = "86400";
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The middleware that lets pages of other origins read the answers (CORS), and answers the question whether they may.
///
/// Any page may call with a token, which it must have been given, and add whatever headers it likes, as any program may. Pages of the allowed
/// origins may have the browser send its cookies, too; what they may add stands on a list. What a handler says of its own file stays.
///
/// Not `actix-cors`: that knows one policy for all origins, and these are two.
pub(crate) async fn share_with_pages(
    origins: Data<AllowedOrigins>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let page = request.headers().get(ORIGIN).cloned();
    let mut response = match &page {
        Some(page) if is_preflight(&request) => {
            let answer = preflight_answer(request.headers(), origins.contain(page));
            request.into_response(answer)
        }
        _ => next.call(request).await?,
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

fn preflight_answer(asked: &HeaderMap, is_allowed: bool) -> HttpResponse {
    let mut answer = HttpResponse::NoContent();
    answer
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, ONE_DAY))
        // What is echoed must not be kept for another question.
        .insert_header((VARY, "Access-Control-Request-Headers, Access-Control-Request-Private-Network"));
    let echoed = if is_allowed { None } else { well_formed(asked) };
    match echoed {
        Some(names) => answer.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, names)),
        None => answer.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS)),
    };
    // A page on the internet that calls a platform in a private network: only one that the operator has named.
    if is_allowed && asked.get(REQUEST_PRIVATE_NETWORK).is_some_and(|value| value == "true") {
        answer.insert_header((ALLOW_PRIVATE_NETWORK, "true"));
    }
    answer.finish()
}

/// The names of headers that a preflight asks for, if that is what they are.
fn well_formed(asked: &HeaderMap) -> Option<String> {
    let mut names: Vec<HeaderName> = Vec::new();
    for line in asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
        for name in line.to_str().ok()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            names.push(HeaderName::from_bytes(name.as_bytes()).ok()?);
        }
    }
    let text = names.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
    (!names.is_empty() && names.len() <= MOST_HEADERS && text.len() <= MOST_LETTERS).then_some(text)
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

    fn preflight(origin: &str, headers: &str) -> TestRequest {
        TestRequest::default()
            .method(Method::OPTIONS)
            .uri("/x")
            .insert_header((ORIGIN, origin))
            .insert_header((ACCESS_CONTROL_REQUEST_METHOD, "POST"))
            .insert_header((ACCESS_CONTROL_REQUEST_HEADERS, headers))
    }

    /// What libraries add by themselves.
    const USUAL: &str = "authorization, baggage, cache-control, content-type, idempotency-key, sentry-trace, traceparent, x-requested-with, \
        x-stainless-arch, x-stainless-lang, x-stainless-os, x-stainless-package-version, x-stainless-retry-count, x-stainless-runtime, \
        x-stainless-runtime-version, x-stainless-timeout";

    #[actix_web::test]
    async fn a_preflight_is_answered_here() {
        let (status, headers) = answered(preflight(LISTED, USUAL)).await;
        assert_eq!(status, 204);
        assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_ORIGIN), Some(LISTED));
        assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_CREDENTIALS), Some("true"));
        assert!(text(&headers, ACCESS_CONTROL_ALLOW_METHODS).unwrap().contains("DELETE"));
        let granted = text(&headers, ACCESS_CONTROL_ALLOW_HEADERS).unwrap().to_ascii_lowercase();
        for name in USUAL.split(", ") {
            assert!(granted.split(", ").any(|known| known == name), "{name} is not granted");
        }
        // With cookies, what is not on the list is not granted.
        let (_, headers) = answered(preflight(LISTED, "x-method-override")).await;
        assert!(!text(&headers, ACCESS_CONTROL_ALLOW_HEADERS).unwrap().to_ascii_lowercase().contains("override"));
        // Without a page behind it, it is a method like others.
        assert_eq!(answered(TestRequest::default().method(Method::OPTIONS).uri("/x")).await.0, 200);
    }

    #[actix_web::test]
    async fn a_page_without_cookies_may_add_what_it_likes() {
        let (status, headers) = answered(preflight("https://other.example", "x-anything,Sentry-Trace ,, x_y")).await;
        assert_eq!((status, text(&headers, ACCESS_CONTROL_ALLOW_ORIGIN)), (204, Some("*")));
        assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_CREDENTIALS), None);
        assert_eq!(text(&headers, ACCESS_CONTROL_ALLOW_HEADERS), Some("x-anything, sentry-trace, x_y"));
        let vary: Vec<&str> = headers.get_all(VARY).map(|value| value.to_str().unwrap()).collect();
        assert!(vary.join(", ").contains("Access-Control-Request-Headers") && vary.contains(&"Origin"), "{vary:?}");
    }

    #[actix_web::test]
    async fn what_is_no_list_of_names_is_not_echoed() {
        let many = vec!["a"; MOST_HEADERS + 1].join(",");
        let long = format!("{},{}", "b".repeat(MOST_LETTERS / 2), "c".repeat(MOST_LETTERS / 2));
        for nonsense in ["", " , ", "a b", "x: y", "<script>", "ä", &many, &long] {
            let (status, headers) = answered(preflight("https://other.example", nonsense)).await;
            assert_eq!((status, text(&headers, ACCESS_CONTROL_ALLOW_HEADERS)), (204, Some(REQUEST_HEADERS)), "{nonsense}");
        }
    }

    #[actix_web::test]
    async fn a_private_network_is_open_to_the_listed_alone() {
        for (origin, granted) in [(LISTED, Some("true")), ("https://other.example", None)] {
            let asked = preflight(origin, "authorization").insert_header((REQUEST_PRIVATE_NETWORK, "true"));
            assert_eq!(text(&answered(asked).await.1, ALLOW_PRIVATE_NETWORK), granted, "{origin}");
        }
        assert_eq!(text(&answered(preflight(LISTED, "authorization")).await.1, ALLOW_PRIVATE_NETWORK), None);
    }
}
