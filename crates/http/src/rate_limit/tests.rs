use actix_web::{
    App,
    http::{StatusCode, header::RETRY_AFTER},
    middleware::from_fn,
    test::{TestRequest, call_service, init_service, read_body_json},
    web,
};
use ipnet::IpNet;
use serde_json::{Value, json};
use zoetrope_limits::LimitSettings;
use zoetrope_redis::{Redis, RedisSettings};
use zoetrope_tokens::{Access, Verifier};

use super::*;
use crate::{client_address::TrustedProxies, request_context};

const KEYS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"1","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

fn classify(method: &Method, path: &str) -> Option<Class> {
    match path {
        "/free" => None,
        "/login" if method == Method::POST => Some(Class::Login),
        _ => Some(Class::General),
    }
}

/// Limits without Redis, which are kept all the same.
fn limits() -> RateLimits {
    let redis = Redis::connect(&RedisSettings { url: "redis://127.0.0.1:1/0".into(), key_prefix: String::new() }).unwrap();
    let settings = json!({
        "general": { "limit": 2, "window_seconds": 60 },
        "login": { "limit": 1, "window_seconds": 60 },
    });
    let settings: LimitSettings = serde_json::from_value(settings).unwrap();
    let verifier = Verifier::new(KEYS, "zoetrope", "zoetrope").unwrap();
    let authenticator = Authenticator::new(Access::new(verifier, redis.clone()));
    RateLimits::new(Limiter::new(settings, redis), authenticator, classify)
}

#[derive(Debug, PartialEq)]
struct Standing {
    status: StatusCode,
    limit: Option<u64>,
    remaining: Option<u64>,
    retry_after: Option<u64>,
}

/// Sends the requests one after the other, each from a client with an address behind the gateway.
async fn standings(requests: impl IntoIterator<Item = (Method, &'static str, &'static str)>) -> Vec<Standing> {
    let limits = limits();
    let limited = move |request: ServiceRequest, next: Next<BoxBody>| limits.clone().apply(request, next);
    let gateway: IpNet = "10.0.0.1/32".parse().unwrap();
    let service = init_service(
        App::new()
            .app_data(web::Data::new(TrustedProxies::new(&[gateway])))
            .wrap(from_fn(limited))
            .wrap(from_fn(request_context))
            .service(web::resource("/{any}").to(|| async { "well" })),
    )
    .await;
    let mut standings = Vec::new();
    for (method, path, address) in requests {
        let request = TestRequest::default()
            .method(method)
            .uri(path)
            .peer_addr("10.0.0.1:9".parse().unwrap())
            .insert_header(("X-Forwarded-For", address));
        let response = call_service(&service, request.to_request()).await;
        let number = |name: &HeaderName| response.headers().get(name).map(|value| value.to_str().unwrap().parse().unwrap());
        let standing = Standing {
            status: response.status(),
            limit: number(&X_RATELIMIT_LIMIT),
            remaining: number(&X_RATELIMIT_REMAINING),
            retry_after: number(&RETRY_AFTER),
        };
        if let Some(retry_after) = standing.retry_after {
            let body: Value = read_body_json(response).await;
            assert_eq!((&body["code"], &body["retryAfter"]), (&json!("RATE_LIMITED"), &json!(retry_after)));
            assert!(body["requestId"].is_string());
        }
        standings.push(standing);
    }
    standings
}

fn allowed(limit: u64, remaining: u64) -> Standing {
    Standing { status: StatusCode::OK, limit: Some(limit), remaining: Some(remaining), retry_after: None }
}

fn refused(limit: u64, retry_after: u64) -> Standing {
    let retry_after = Some(retry_after);
    Standing { status: StatusCode::TOO_MANY_REQUESTS, limit: Some(limit), remaining: Some(0), retry_after }
}

const SOMEBODY: &str = "192.0.2.1";
const ANOTHER: &str = "192.0.2.2";

#[tokio::test(flavor = "multi_thread")]
async fn each_address_has_its_limit_and_is_told_how_it_stands() {
    let requests = [SOMEBODY, SOMEBODY, SOMEBODY, ANOTHER].map(|address| (Method::GET, "/any", address));
    assert_eq!(standings(requests).await, [allowed(2, 1), allowed(2, 0), refused(2, 30), allowed(2, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn classes_are_counted_apart_and_some_requests_not_at_all() {
    let free = Standing { status: StatusCode::OK, limit: None, remaining: None, retry_after: None };
    let requests = [
        (Method::POST, "/login", SOMEBODY),
        (Method::POST, "/login", SOMEBODY),
        (Method::GET, "/free", SOMEBODY),
        (Method::GET, "/login", SOMEBODY),
    ];
    assert_eq!(standings(requests).await, [allowed(1, 0), refused(1, 60), free, allowed(2, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoded_letter_leads_to_the_same_limit() {
    let requests = [(Method::POST, "/login", SOMEBODY), (Method::POST, "/%6Cogin", SOMEBODY)];
    assert_eq!(standings(requests).await, [allowed(1, 0), refused(1, 60)]);
}
