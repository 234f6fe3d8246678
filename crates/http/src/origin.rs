use actix_web::{
    HttpRequest,
    http::header::{HOST, HeaderName, HeaderValue, ORIGIN, REFERER},
    web,
};
use serde::Deserialize;
use url::Url;

use crate::{
    Problem, ProblemCode,
    client_address::{forwarded_word, is_from_proxy},
};

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The origin of a front-end, written as browsers write it: `https://app.example`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WebOrigin(HeaderValue);

/// The text is not an origin as browsers write it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin such as https://app.example, in lower case and without a path")]
pub struct NotAnOrigin(String);

impl TryFrom<String> for WebOrigin {
    type Error = NotAnOrigin;

    fn try_from(text: String) -> Result<Self, NotAnOrigin> {
        // What is compared byte by byte must be written in the one way that browsers know.
        let is_one = matches!(text.split_once("://"), Some(("http" | "https", _))) && origin_of(&text).as_ref() == Some(&text);
        let value = if is_one { HeaderValue::from_str(&text).ok() } else { None };
        value.map(Self).ok_or(NotAnOrigin(text))
    }
}

/// The front-ends on other origins that may use a browser's sign-in; the gateway's own need not be among them.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedOrigins(Vec<WebOrigin>);

impl AllowedOrigins {
    pub(crate) fn new(origins: Vec<WebOrigin>) -> Self {
        Self(origins)
    }

    pub(crate) fn contain(&self, origin: &HeaderValue) -> bool {
        self.0.iter().any(|allowed| allowed.0 == *origin)
    }
}

/// 403 unless a page of the gateway's own origin, or of an allowed one, sends this.
///
/// For what a cookie authenticates and is more than reading: a browser sends its cookies whoever's page made the request. It also says
/// whose page that was, in `Origin`, or else in `Referer`, and no page can make it lie. A request that says neither is refused.
pub fn check_origin(request: &HttpRequest) -> Result<(), Problem> {
    match named_page(request) {
        Some(page) if page.is_ours(request) => Ok(()),
        Some(_) | None => {
            let message =
                "a request that a cookie signs in must come from a page of this origin or an allowed one, and say so in Origin";
            Err(Problem::new(ProblemCode::ForeignOrigin, message))
        }
    }
}

/// 403 for what a page of a foreign origin sends; a program, which names no page, passes.
///
/// For what sets a cookie or removes one: a foreign page could else sign the browser in as somebody of its choice, or sign it out.
pub fn refuse_foreign_origin(request: &HttpRequest) -> Result<(), Problem> {
    if named_page(request).is_none_or(|page| page.is_ours(request)) {
        return Ok(());
    }
    let message = "this sets a cookie, so it must come from a page of this origin or an allowed one";
    Err(Problem::new(ProblemCode::ForeignOrigin, message))
}

/// The page that a browser says to send for: its origin, or nothing that can be read as one.
struct NamedPage(Option<HeaderValue>);

impl NamedPage {
    fn is_ours(&self, request: &HttpRequest) -> bool {
        let allowed = request.app_data::<web::Data<AllowedOrigins>>();
        self.0.as_ref().is_some_and(|origin| {
            allowed.is_some_and(|allowed| allowed.contain(origin)) || own_origin(request).is_some_and(|own| own == *origin)
        })
    }
}

fn named_page(request: &HttpRequest) -> Option<NamedPage> {
    if let Some(origin) = request.headers().get(ORIGIN) {
        return Some(NamedPage(Some(origin.clone())));
    }
    let page = request.headers().get(REFERER)?;
    Some(NamedPage(page.to_str().ok().and_then(origin_of).and_then(|origin| HeaderValue::try_from(origin).ok())))
}

/// Where the client reaches us, as the gateway saw it; without a gateway in front, as this process does.
fn own_origin(request: &HttpRequest) -> Option<String> {
    let from_proxy = is_from_proxy(request);
    let forwarded = |name: &HeaderName| if from_proxy { forwarded_word(request, name) } else { None };
    let scheme = forwarded(&X_FORWARDED_PROTO).unwrap_or("http");
    let host = forwarded(&X_FORWARDED_HOST).or_else(|| request.headers().get(HOST)?.to_str().ok())?;
    origin_of(&format!("{scheme}://{host}"))
}

/// `null`, which no page may count as ours, for what has none.
fn origin_of(address: &str) -> Option<String> {
    let origin = Url::parse(address).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::client_address::TrustedProxies;

    const GATEWAY: &str = "10.1.2.3:4";
    const STRANGER: &str = "198.51.100.1:4";

    fn origin(text: &str) -> Result<WebOrigin, NotAnOrigin> {
        text.to_owned().try_into()
    }

    fn passes(peer: &str, headers: &[(&str, &str)]) -> bool {
        is_let_in(check_origin, peer, headers)
    }

    fn is_let_in(check: fn(&HttpRequest) -> Result<(), Problem>, peer: &str, headers: &[(&str, &str)]) -> bool {
        let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
        let allowed = AllowedOrigins::new(vec![origin("https://app.example").unwrap()]);
        let mut request = TestRequest::post()
            .app_data(web::Data::new(proxies))
            .app_data(web::Data::new(allowed))
            .peer_addr(peer.parse().unwrap())
            .insert_header((HOST, "inside:8080"));
        for header in headers {
            request = request.append_header(*header);
        }
        let checked = check(&request.to_http_request());
        checked.map_err(|problem| assert_eq!(problem.code(), ProblemCode::ForeignOrigin)).is_ok()
    }

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        for good in ["https://app.example", "http://127.0.0.1:3000", "http://[::1]:3000"] {
            assert!(origin(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "app.example",
            "https://app.example/",
            "https://App.example",
            "https://app.example:443",
            "https://*.example/x",
            "file:///x",
            "ws://app.example",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_gateway_s_own_origin_and_allowed_ones_pass() {
        let outside = [("x-forwarded-proto", "https"), ("x-forwarded-host", "video.example")];
        let from = |origin| [("origin", origin), outside[0], outside[1]];
        assert!(passes(GATEWAY, &from("https://video.example")));
        assert!(passes(GATEWAY, &from("https://app.example")));
        for foreign in
            ["null", "https://evil.example", "http://video.example", "https://video.example:8443", "http://inside:8080"]
        {
            assert!(!passes(GATEWAY, &from(foreign)), "{foreign}");
        }
        // Without a gateway, a client's word about where it reached us counts for nothing.
        assert!(!passes(STRANGER, &from("https://video.example")));
        assert!(passes(STRANGER, &from("http://inside:8080")));
    }

    #[test]
    fn the_referer_speaks_when_there_is_no_origin() {
        assert!(passes(GATEWAY, &[("referer", "https://app.example/page?x=1")]));
        assert!(!passes(GATEWAY, &[("referer", "https://evil.example/https://app.example")]));
        assert!(!passes(GATEWAY, &[("referer", "https://app.example/"), ("origin", "null")]));
        assert!(!passes(GATEWAY, &[]));
    }

    #[test]
    fn a_program_that_names_no_page_may_be_given_a_cookie() {
        let passes = |headers: &[(&str, &str)]| is_let_in(refuse_foreign_origin, GATEWAY, headers);
        assert!(passes(&[]));
        assert!(passes(&[("origin", "https://app.example")]));
        assert!(passes(&[("referer", "https://app.example/page?x=1")]));
        for foreign in [
            [("origin", "https://evil.example")],
            [("origin", "null")],
            [("origin", "")],
            [("referer", "https://evil.example/")],
            [("referer", "about:blank")],
            [("referer", "app.example")],
        ] {
            assert!(!passes(&foreign), "{foreign:?}");
        }
    }
}
