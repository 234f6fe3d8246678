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
    for good in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF8",
        "Application/JSON; Charset=\"UTF-8\"",
        "application/json; charset=us-ascii",
        "application/json;",
        "application/json; odata=verbose",
        "application/json, application/json",
        "text/json",
        "application/problem+json",
        "",
    ] {
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

#[actix_web::test]
async fn what_is_compressed_is_refused_as_such() {
    let body = r#"{"clientName": "a"}"#;
    for (encoding, good) in [("identity", true), ("", true), ("gzip", false), ("br", false)] {
        let request = TestRequest::post().insert_header((header::CONTENT_ENCODING, encoding)).set_payload(body);
        match extract(request).await {
            Ok(_) => assert!(good, "{encoding}"),
            Err(problem) => assert!(!good && problem.message().contains("compressed"), "{encoding}: {problem}"),
        }
    }
}

#[actix_web::test]
async fn a_charset_is_never_guessed() {
    let body = "{\"clientName\": \"caf\u{e9}\"}";
    for other in ["iso-8859-1", "utf-16", "\"windows-1252\"", "gbk"] {
        let content_type = format!("application/json; charset={other}");
        let problem = extract(TestRequest::post().insert_header((header::CONTENT_TYPE, content_type)).set_payload(body)).await;
        let problem = problem.unwrap_err();
        assert_eq!((problem.code(), problem.errors()[0].field.as_str()), (ProblemCode::UnsupportedMedia, "body"), "{other}");
        assert!(problem.message().contains(other.trim_matches('"')), "{problem}");
    }
    let marked = format!("\u{feff}{body}");
    assert_eq!(extract(TestRequest::post().set_payload(marked)).await.unwrap().client_name, "caf\u{e9}");

    let wide: Vec<u8> = body.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked_wide = [b"\xff\xfe", wide.as_slice()].concat();
    for body in [wide, marked_wide] {
        let problem = extract(TestRequest::post().set_payload(body)).await.unwrap_err();
        assert_eq!(problem.errors()[0], FieldError::new("body", "must be text in UTF-8"));
    }
    let texts =
        [&b"{\"clientName\": \"caf\xe9\"}"[..], br#"{"clientName": "cut \ud83d"}"#, br#"{"clientName": "cut \ud83d \u0041"}"#];
    for body in texts {
        let problem = json::parse::<Order>(body).unwrap_err();
        assert_eq!(problem.errors()[0], FieldError::new("clientName", "must be text in UTF-8"), "{}", body.escape_ascii());
    }
}

#[test]
fn deep_and_long_nonsense_is_refused_or_read_over_in_little_memory() {
    let nested = format!("{{\"clientName\": \"a\", \"x\": {}{}}}", "[".repeat(30_000), "]".repeat(30_000));
    let digits = format!("{{\"clientName\": \"a\", \"x\": 1{}}}", "0".repeat(60_000));
    for body in [nested, digits] {
        assert_eq!(json::parse::<Order>(body.as_bytes()).unwrap().client_name, "a");
    }
    let deep_value = "[".repeat(30_000);
    assert!(json::parse::<serde_json::Value>(format!("{{\"x\": {deep_value}").as_bytes()).is_err());
}

#[derive(Debug, Deserialize)]
struct Words {
    words: ShortList<String, 3>,
}

#[test]
fn a_list_is_bounded_while_it_is_read() {
    assert_eq!(json::parse::<Words>(br#"{"words": ["a", "b", "c"]}"#).unwrap().words.into_vec(), ["a", "b", "c"]);
    // What follows is not even looked at: it is no list any more.
    let problem = json::parse::<Words>(br#"{"words": ["a", "b", "c", "d", nonsense"#).unwrap_err();
    assert_eq!(problem.errors()[0], FieldError::new("words", "must not have more than 3 elements"));
    assert_eq!(json::parse::<Words>(br#"{"words": "a"}"#).unwrap_err().errors()[0].field, "words");
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
fn a_parameter_in_another_charset_is_named() {
    let page: Page = query::parse("status=caf%C3%A9+au+lait").unwrap();
    assert_eq!(page.status.as_deref(), Some("caf\u{e9} au lait"));
    let problem = query::parse::<Page>("pageSize=2&status=caf%E9").unwrap_err();
    assert_eq!(problem.errors()[0], FieldError::new("status", "must be text in UTF-8"));
    assert_eq!(query::parse::<Page>("caf%E9=1").unwrap_err().errors()[0].field, "query");
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
