use actix_web::{FromRequest, http::header, test::TestRequest};
use serde::Deserialize;

use super::*;
use crate::{FieldError, Problem, ProblemCode};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    client_name: String,
    #[serde(default)]
    items: Vec<Item>,
    size: Option<Size>,
}

#[derive(Debug, Deserialize)]
struct Item {
    count: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Size {
    Small,
    Large,
}

fn refused(body: &str) -> FieldError {
    let problem = json::parse::<Order>(body.as_bytes()).unwrap_err();
    assert_eq!(problem.code(), ProblemCode::Validation);
    assert_eq!(problem.errors().len(), 1);
    problem.errors()[0].clone()
}

#[test]
fn a_missing_field_is_named_as_the_client_writes_it() {
    assert_eq!(refused("{}"), FieldError::new("clientName", "is required"));
    assert_eq!(refused(r#"{"clientName": "a", "items": [{}]}"#), FieldError::new("items[0].count", "is required"));
}

#[test]
fn a_wrong_type_is_named_with_what_was_expected() {
    assert_eq!(refused(r#"{"clientName": 5}"#), FieldError::new("clientName", "must be a string"));
    assert_eq!(refused(r#"{"clientName": "a", "items": [{"count": "x"}]}"#), FieldError::new("items[0].count", "must be u32"));
    assert_eq!(refused(r#"{"clientName": "a", "items": [7]}"#), FieldError::new("items[0]", "must be an object"));
    assert_eq!(refused(r#"{"clientName": "a", "size": "huge"}"#), FieldError::new("size", "must be `small` or `large`"));
}

#[test]
fn a_body_that_is_no_object_is_the_body_s_fault() {
    for body in ["", "  \n", "{", "nonsense", r#"{"clientName": "a"} trailing"#, "[]", "5", "null"] {
        assert_eq!(refused(body).field, "body", "{body}");
    }
    assert_eq!(refused("5").message, "must be an object");
}

#[test]
fn a_good_body_is_read() {
    let order: Order = json::parse(br#"{"clientName": "a", "items": [{"count": 2}], "size": "large"}"#).unwrap();
    assert_eq!((order.client_name.as_str(), order.items[0].count), ("a", 2));
    assert!(matches!(order.size, Some(Size::Large)));
}

async fn extract(request: TestRequest) -> Result<Order, Problem> {
    let (request, mut payload) = request.to_http_parts();
    Json::<Order>::from_request(&request, &mut payload).await.map(|Json(order)| order)
}

#[actix_web::test]
async fn other_content_types_are_refused() {
    let body = r#"{"clientName": "a"}"#;
    for good in ["application/json", "application/json; charset=utf-8", "application/problem+json"] {
        let request = TestRequest::post().insert_header((header::CONTENT_TYPE, good)).set_payload(body);
        assert!(extract(request).await.is_ok(), "{good}");
    }
    assert!(extract(TestRequest::post().set_payload(body)).await.is_ok());
    for bad in ["text/plain", "application/x-www-form-urlencoded", "nonsense"] {
        let request = TestRequest::post().insert_header((header::CONTENT_TYPE, bad)).set_payload(body);
        assert_eq!(extract(request).await.unwrap_err().code(), ProblemCode::UnsupportedMedia, "{bad}");
    }
}

#[actix_web::test]
async fn a_body_over_the_limit_is_refused() {
    let body = r#"{"clientName": "a"}"#;
    let limited = |limit| TestRequest::post().app_data(JsonLimit(limit)).set_payload(body);
    assert!(extract(limited(body.len())).await.is_ok());
    assert_eq!(extract(limited(body.len() - 1)).await.unwrap_err().code(), ProblemCode::TooLarge);
    let announced = TestRequest::post().app_data(JsonLimit(10)).insert_header((header::CONTENT_LENGTH, "11"));
    assert_eq!(extract(announced).await.unwrap_err().code(), ProblemCode::TooLarge);
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    page_size: Option<u32>,
    status: Option<String>,
}

#[test]
fn an_empty_parameter_is_absent() {
    let page: Page = query::parse("pageSize=&status=").unwrap();
    assert!(page.page_size.is_none() && page.status.is_none());
    let page: Page = query::parse("pageSize=20&status=a%20%26%20b&other=1").unwrap();
    assert_eq!((page.page_size, page.status.as_deref()), (Some(20), Some("a & b")));
}

#[test]
fn a_bad_parameter_is_named() {
    let problem = query::parse::<Page>("pageSize=many").unwrap_err();
    assert_eq!(problem.errors()[0], FieldError::new("pageSize", "must be a whole number"));
    let problem = query::parse::<Page>("pageSize=99999999999").unwrap_err();
    assert_eq!(problem.errors()[0], FieldError::new("pageSize", "is too large"));
    let problem = query::parse::<Item>("").unwrap_err();
    assert_eq!(problem.errors()[0], FieldError::new("count", "is required"));
}

#[actix_web::test]
async fn a_path_that_cannot_be_read_is_not_found() {
    let request = TestRequest::default().param("id", "seven").to_http_request();
    let problem = Path::<u32>::extract(&request).await.unwrap_err();
    assert_eq!(problem.code(), ProblemCode::NotFound);
    let request = TestRequest::default().param("id", "7").to_http_request();
    assert_eq!(Path::<u32>::extract(&request).await.unwrap().0, 7);
}
