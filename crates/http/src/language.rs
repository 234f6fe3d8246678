use std::{
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header::ACCEPT_LANGUAGE};
use zoetrope_domain::Language;

/// The language that the client asks for with `Accept-Language`; `None` when it names none of ours.
#[derive(Debug, Clone, Copy)]
pub struct ClientLanguage(pub Option<Language>);

impl FromRequest for ClientLanguage {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        ready(Ok(Self(header.and_then(Language::preferred))))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[actix_web::test]
    async fn the_header_decides() {
        let asked =
            async |request: TestRequest| ClientLanguage::extract(&request.to_http_request()).await.map(|language| language.0);
        let header = |value: &'static str| TestRequest::default().insert_header((ACCEPT_LANGUAGE, value));
        assert_eq!(asked(header("zh-CN,en;q=0.5")).await, Ok(Some(Language::Chinese)));
        assert_eq!(asked(header("de")).await, Ok(None));
        assert_eq!(asked(TestRequest::default()).await, Ok(None));
    }
}
