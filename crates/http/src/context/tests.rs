use actix_web::{
    App,
    http::header::HeaderMap,
    middleware::from_fn,
    test::{TestRequest, call_service, init_service, read_body},
    web,
};
use serde_json::Value;

use super::*;
use crate::Json;

async fn answer(request: TestRequest) -> (StatusCode, HeaderMap, Value) {
    let service = init_service(
        App::new()
            .wrap(from_fn(request_context))
            .service(web::resource("/echo").route(web::post().to(|Json(body): Json<Value>| async move { web::Json(body) })))
            .service(web::resource("/broken").to(|| async { Err::<&str, _>(Problem::internal("secret detail")) }))
            .service(web::resource("/foreign").to(|_: web::Query<Vec<u8>>| async { "unreachable" })),
    )
    .await;
    let response = call_service(&service, request.to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = read_body(response).await;
    (status, headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[actix_web::test]
async fn an_unknown_path_gets_the_error_body() {
    let (status, headers, body) = answer(TestRequest::get().uri("/nowhere")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(body["code"], "NOT_FOUND");
    assert_eq!(body["requestId"], headers.get(X_REQUEST_ID).unwrap().to_str().unwrap());
}

#[actix_web::test]
async fn a_method_that_no_route_takes_gets_the_error_body() {
    let (status, _, body) = answer(TestRequest::get().uri("/echo")).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(body["code"], "METHOD_NOT_ALLOWED");
    assert_eq!(body["statusCode"], 405);
}

#[actix_web::test]
async fn the_gateway_s_request_id_is_kept() {
    let request = TestRequest::post().uri("/echo").insert_header((X_REQUEST_ID, "gateway-1")).set_json(1);
    let (status, headers, _) = answer(request).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers.get(X_REQUEST_ID).unwrap(), "gateway-1");

    let request = TestRequest::post().uri("/echo").insert_header((X_REQUEST_ID, "not harmless")).set_payload("{");
    let (_, headers, body) = answer(request).await;
    assert_ne!(headers.get(X_REQUEST_ID).unwrap(), "not harmless");
    assert_eq!(body["errors"][0]["field"], "body");
}

#[actix_web::test]
async fn a_server_error_tells_nothing() {
    let (status, _, body) = answer(TestRequest::get().uri("/broken")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body.to_string().contains("secret"));
    assert!(body["requestId"].is_string());
}

#[actix_web::test]
async fn another_crate_s_error_gets_the_error_body() {
    let (status, _, body) = answer(TestRequest::get().uri("/foreign?a=b")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body["code"], "VALIDATION_ERROR");
}
