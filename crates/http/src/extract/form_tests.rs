use actix_web::{HttpRequest, dev::Payload, http::header::CONTENT_TYPE, test::TestRequest};
use bytes::Bytes;
use futures_util::TryStreamExt;

use super::Form;
use crate::{FieldError, Problem, ProblemCode};

/// A form of parts: the headers of each, and its content.
fn sent(parts: &[(&str, &[u8])]) -> (HttpRequest, Payload) {
    let mut body = Vec::new();
    for (headers, content) in parts {
        body.extend_from_slice(format!("--b\r\nContent-Disposition: form-data; {headers}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    TestRequest::post().insert_header((CONTENT_TYPE, "multipart/form-data; boundary=b")).set_payload(body).to_http_parts()
}

async fn text(headers: &str, content: &[u8]) -> Result<String, Problem> {
    let (request, payload) = sent(&[(headers, content)]);
    let mut form = Form::new(&request, payload);
    form.next().await?.unwrap().text(100).await
}

async fn file(headers: &str, content: &[u8]) -> Result<Option<Vec<u8>>, Problem> {
    let (request, payload) = sent(&[(headers, content)]);
    let mut form = Form::new(&request, payload);
    match form.next().await?.unwrap().file().await? {
        Some(content) => Ok(Some(content.try_collect::<Vec<Bytes>>().await?.concat())),
        None => Ok(None),
    }
}

#[actix_web::test]
async fn text_is_taken_however_it_is_labelled_as_long_as_it_is_utf8() {
    for headers in [
        "name=\"prompt\"",
        "name=\"prompt\"\r\nContent-Type: text/plain",
        "name=\"prompt\"\r\nContent-Type: text/plain; charset=UTF-8",
        "name=\"prompt\"\r\nContent-Type: text/plain;charset=utf8",
        "name=\"prompt\"; filename=\"blob\"\r\nContent-Type: application/octet-stream",
        "name=\"prompt\"\r\nContent-Transfer-Encoding: 8bit",
    ] {
        assert_eq!(text(headers, "caf\u{e9}".as_bytes()).await.unwrap(), "caf\u{e9}", "{headers}");
    }
}

#[actix_web::test]
async fn text_that_would_have_to_be_guessed_is_refused_by_name() {
    for (headers, content) in [
        ("name=\"prompt\"", &b"caf\xe9"[..]),
        ("name=\"prompt\"\r\nContent-Type: text/plain; charset=iso-8859-1", b"cafe"),
        ("name=\"prompt\"\r\nContent-Type: text/plain; charset=utf-16", b"c\0a\0"),
        ("name=\"prompt\"\r\nContent-Transfer-Encoding: base64", b"Y2Fmw6k="),
        ("name=\"prompt\"\r\nContent-Transfer-Encoding: quoted-printable", b"caf=C3=A9"),
    ] {
        let problem = text(headers, content).await.unwrap_err();
        assert_eq!((problem.code(), problem.errors()[0].field.as_str()), (ProblemCode::Validation, "prompt"), "{headers}");
    }
    assert_eq!(text("name=\"prompt\"", &[b'x'; 101]).await.unwrap_err().code(), ProblemCode::TooLarge);
}

#[actix_web::test]
async fn a_form_may_say_its_charset_in_a_field() {
    for (charset, good) in [("UTF-8", true), ("ISO-8859-1", false)] {
        let (request, payload) = sent(&[("name=\"_charset_\"", charset.as_bytes()), ("name=\"prompt\"", b"cafe")]);
        match Form::new(&request, payload).next().await {
            Ok(field) => assert!(good && field.unwrap().name() == "prompt"),
            Err(problem) => assert!(!good && problem.errors()[0].field == "_charset_", "{problem}"),
        }
    }
}

#[actix_web::test]
async fn a_form_may_say_its_charset_in_its_type() {
    for (charset, good) in [("utf-8", true), ("\"UTF-8\"", true), ("iso-8859-1", false)] {
        let content_type = format!("multipart/form-data; boundary=b; charset={charset}");
        let body = "--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\ncafe\r\n--b--\r\n";
        let request = TestRequest::post().insert_header((CONTENT_TYPE, content_type)).set_payload(body);
        let (request, payload) = request.to_http_parts();
        match Form::new(&request, payload).next().await {
            Ok(field) => assert!(good && field.is_some(), "{charset}"),
            Err(problem) => assert!(!good && problem.code() == ProblemCode::UnsupportedMedia, "{problem}"),
        }
    }
}

#[actix_web::test]
async fn an_empty_file_is_none() {
    assert_eq!(file("name=\"f\"; filename=\"\"\r\nContent-Type: application/octet-stream", b"").await.unwrap(), None);
    assert_eq!(file("name=\"f\"; filename=\"a.png\"\r\nContent-Type: image/png", b"").await.unwrap(), None);
    for nothing in [&b""[..], b"null", b"undefined"] {
        assert_eq!(file("name=\"f\"", nothing).await.unwrap(), None);
    }
    for content in [&b"null"[..], b"x", &[b'y'; 100_000]] {
        assert_eq!(file("name=\"f\"; filename=\"a\"", content).await.unwrap().as_deref(), Some(content));
    }
}

#[actix_web::test]
async fn fields_are_bounded_in_number_and_what_nobody_asked_for_in_length() {
    let parts = vec![("name=\"x\"", &b"1"[..]); 101];
    let (request, payload) = sent(&parts);
    let mut form = Form::new(&request, payload);
    let refused = loop {
        match form.next().await {
            Ok(Some(field)) => form.skip(field).await.unwrap(),
            Ok(None) => panic!("all fields were read"),
            Err(problem) => break problem,
        }
    };
    assert_eq!(refused.errors()[0], FieldError::new("body", "must not have more than 100 fields"));

    let (request, payload) = sent(&[("name=\"x\"; filename=\"x\"", &vec![0; 17 * 1024 * 1024])]);
    let mut form = Form::new(&request, payload);
    let field = form.next().await.unwrap().unwrap();
    assert_eq!(form.skip(field).await.unwrap_err().code(), ProblemCode::TooLarge);
}
