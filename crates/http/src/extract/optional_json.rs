use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_LENGTH, HeaderValue},
};
use serde::de::DeserializeOwned;

use super::Json;
use crate::Problem;

/// A JSON body that may be left out. One that is there must be all that [`Json`] asks of it: what cannot be read is refused, not passed over.
#[derive(Debug)]
pub struct OptionalJson<T>(pub Option<T>);

impl<T: DeserializeOwned + Send + 'static> FromRequest for OptionalJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        if !has_body(request) {
            return Box::pin(async { Ok(Self(None)) });
        }
        let read = Json::<Option<T>>::from_request(request, payload);
        Box::pin(async move { read.await.map(|Json(value)| Self(value)) })
    }
}

/// Whether the request says that something follows (RFC 9112, 6.3).
fn has_body(request: &HttpRequest) -> bool {
    let length = request.headers().get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
    length.is_some_and(|length| length != b"0") || request.chunked().unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use actix_web::{
        http::header::{CONTENT_TYPE, TRANSFER_ENCODING},
        test::TestRequest,
    };
    use serde::Deserialize;

    use super::*;
    use crate::ProblemCode;

    #[derive(Debug, Deserialize)]
    struct Wish {
        word: Option<String>,
    }

    async fn read(request: TestRequest) -> Result<Option<Wish>, Problem> {
        let (request, mut payload) = request.to_http_parts();
        OptionalJson::from_request(&request, &mut payload).await.map(|OptionalJson(wish)| wish)
    }

    fn json(body: &'static str) -> TestRequest {
        let request = TestRequest::post().insert_header((CONTENT_TYPE, "application/json")).set_payload(body);
        request.insert_header((CONTENT_LENGTH, body.len().to_string()))
    }

    #[actix_web::test]
    async fn a_body_may_be_left_out() {
        assert!(read(TestRequest::post()).await.unwrap().is_none());
        assert!(read(TestRequest::post().insert_header((CONTENT_LENGTH, "0"))).await.unwrap().is_none());
        assert!(read(json("null")).await.unwrap().is_none());
    }

    #[actix_web::test]
    async fn a_body_that_is_there_is_read() {
        assert_eq!(read(json(r#"{"word":"so"}"#)).await.unwrap().unwrap().word.as_deref(), Some("so"));
        let chunked = TestRequest::post()
            .insert_header((CONTENT_TYPE, "application/json"))
            .insert_header((TRANSFER_ENCODING, "chunked"))
            .set_payload("{}");
        assert!(read(chunked).await.unwrap().unwrap().word.is_none());
    }

    #[actix_web::test]
    async fn a_body_that_cannot_be_read_does_not_count_as_left_out() {
        let wrong_type = read(json(r#"{"word":5}"#)).await.unwrap_err();
        assert_eq!((wrong_type.code(), wrong_type.errors()[0].field.as_str()), (ProblemCode::Validation, "word"));
        assert_eq!(read(json("{")).await.unwrap_err().errors()[0].field, "body");
        let text = json(r#"{"word":"so"}"#).insert_header((CONTENT_TYPE, "text/plain"));
        assert_eq!(read(text).await.unwrap_err().code(), ProblemCode::UnsupportedMedia);
    }
}
