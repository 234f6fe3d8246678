use actix_web::body::to_bytes;
use serde_json::json;

use super::*;

async fn read(problem: Problem) -> (HttpResponse<()>, Value) {
    let (head, body) = problem.error_response().into_parts();
    let bytes = to_bytes(body).await.unwrap_or_default();
    (head.set_body(()), serde_json::from_slice(&bytes).unwrap())
}

#[actix_web::test]
async fn the_body_is_the_one_that_all_families_read() {
    let id = RequestId::from_header("gateway-7").unwrap();
    let problem = Problem::field("prompt", "must not be empty");
    let (head, body) = id.scope(read(problem)).await;
    assert_eq!(head.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        body,
        json!({
            "success": false,
            "status": "fail",
            "error": "Validation Error",
            "code": "VALIDATION_ERROR",
            "message": "prompt must not be empty",
            "detail": "prompt must not be empty",
            "statusCode": 400,
            "requestId": "gateway-7",
            "errors": [{ "field": "prompt", "message": "must not be empty" }],
            "data": { "code": "VALIDATION_ERROR", "message": "prompt must not be empty" },
        })
    );
}

#[actix_web::test]
async fn all_fields_at_fault_are_named() {
    let problem =
        Problem::validation(vec![FieldError::new("username", "is required"), FieldError::new("password", "is required")]);
    let (_, body) = read(problem).await;
    assert_eq!(body["message"], "username is required; password is required");
    assert_eq!(body["errors"][1]["field"], "password");
}

#[actix_web::test]
async fn missing_credits_are_counted() {
    let (head, body) = read(Problem::insufficient_credits(100, 30)).await;
    assert_eq!(head.status(), StatusCode::PAYMENT_REQUIRED);
    assert_eq!(body["code"], "INSUFFICIENT_CREDITS");
    assert_eq!(body["data"]["required"], 100);
    assert_eq!(body["data"]["current"], 30);
}

#[actix_web::test]
async fn a_server_error_keeps_its_cause_to_itself() {
    let cause = std::io::Error::other("password of role auth is wrong");
    let problem = Problem::internal(cause);
    assert_eq!(problem.causes().map(ToString::to_string).collect::<Vec<_>>(), ["password of role auth is wrong"]);
    let (head, body) = read(problem).await;
    assert_eq!(head.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["status"], "error");
    assert_eq!(body["code"], "INTERNAL_ERROR");
    assert!(!body.to_string().contains("role auth"));
}

#[actix_web::test]
async fn a_wait_is_told_in_header_and_body() {
    let (head, body) = read(Problem::unavailable(2, "no connection")).await;
    assert_eq!(head.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(head.headers().get(header::RETRY_AFTER).unwrap(), "2");
    assert_eq!(body["code"], "UNAVAILABLE");
    assert!(!body.to_string().contains("no connection"));

    let (head, body) = read(Problem::rate_limited(30)).await;
    assert_eq!(head.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(head.headers().get(header::RETRY_AFTER).unwrap(), "30");
    assert_eq!(body["retryAfter"], 30);
}

#[actix_web::test]
async fn a_conflict_names_its_field() {
    let (head, body) = read(Problem::conflict("email", "is already registered")).await;
    assert_eq!(head.status(), StatusCode::CONFLICT);
    assert_eq!(body["code"], "CONFLICT");
    assert_eq!(body["message"], "email is already registered");
    assert_eq!(body["errors"][0]["field"], "email");
}

#[test]
fn the_schema_lists_the_codes_that_are_sent() {
    use utoipa::PartialSchema;

    let schema = serde_json::to_value(ProblemCode::schema()).unwrap();
    let listed = schema["enum"].as_array().unwrap();
    for code in [ProblemCode::Validation, ProblemCode::MethodNotAllowed, ProblemCode::Unavailable] {
        assert!(listed.contains(&json!(code)), "{code:?}");
    }
}
