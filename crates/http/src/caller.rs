use std::{future::Future, ops::Deref, pin::Pin};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{AUTHORIZATION, HeaderMap},
    web,
};
use chrono::Utc;
use tracing::Span;
use url::form_urlencoded;
use zoetrope_domain::{SessionId, UserId};
use zoetrope_tokens::{Access, Caller, Refusal, Scope, Watch};

use crate::{KeyAccess, Problem, ProblemCode, check_origin, key_access::needs_a_session, session_cookie};

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// How long to wait when API keys cannot be checked.
const RETRY_SECONDS: u64 = 2;

/// Tells who presents a token or an API key. Registered as `web::Data` for [`CurrentUser`]. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator {
    access: Access,
}

impl Authenticator {
    pub fn new(access: Access) -> Self {
        Self { access }
    }

    /// The user of a token or an API key that is good now and that nobody ended; else 401.
    pub async fn authenticate(&self, token: &str) -> Result<CurrentUser, Problem> {
        Ok(CurrentUser { caller: self.access.identify(token, Utc::now()).await? })
    }

    /// Tells when somebody ends the caller's session or API key. A token that expires is not ended.
    pub fn watch(&self, caller: &Caller) -> Watch {
        self.access.watch(caller)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unavailable => Self::unavailable(RETRY_SECONDS, refusal),
            Refusal::Token(_) | Refusal::SessionEnded | Refusal::ApiKey => Self::unauthorized(refusal.to_string()),
        }
    }
}

/// The user who calls, by the `Authorization` header: `Bearer <token or API key>`, or it alone as some clients send it. Without that header,
/// by the session cookie; what changes something must then come from a page of ours (see [`check_origin`]).
/// Without a good one the request ends with 401; with an API key that is not good for this, with 403 (see [`KeyAccess`]).
#[derive(Debug, Clone)]
pub struct CurrentUser {
    pub caller: Caller,
}

impl CurrentUser {
    /// The session of somebody who signed in; 403 for an API key.
    pub fn session_id(&self) -> Result<SessionId, Problem> {
        self.caller.session().ok_or_else(needs_a_session)
    }

    /// Whether the caller may see what this scope shows. For an answer that would show more than the scopes that its route needs.
    pub fn has(&self, scope: Scope) -> bool {
        self.caller.scopes.as_ref().is_none_or(|scopes| scopes.contains(scope))
    }
}

impl Deref for CurrentUser {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

/// As [`CurrentUser`], but a request without credentials goes on with `None`. Bad credentials are 401 still, unless they are a cookie: a
/// browser sends that unasked, and its page can neither see nor remove it.
#[derive(Debug, Clone)]
pub struct MaybeUser(pub Option<CurrentUser>);

/// The user who opens a stream of events. A browser's `EventSource` sets no header, so beside [`CurrentUser`]'s the token may stand in the
/// query, as `access_token` or `token`. For such routes only: an address is kept in histories and shared in chats.
#[derive(Debug, Clone)]
pub struct StreamUser(pub CurrentUser);

impl Deref for StreamUser {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0.caller
    }
}

impl FromRequest for CurrentUser {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let presented = Presented::in_headers(request);
        if let Ok(Some(Presented::Unasked(_))) = presented {
            request.extensions_mut().insert(SignInRequired);
        }
        let found = find(request, presented);
        Box::pin(async move { found.await?.ok_or_else(nobody) })
    }
}

impl FromRequest for StreamUser {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let found = find(request, Presented::anywhere(request));
        Box::pin(async move { found.await?.map(Self).ok_or_else(nobody) })
    }
}

impl FromRequest for MaybeUser {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let presented = Presented::in_headers(request);
        let unasked = matches!(presented, Ok(Some(Presented::Unasked(_))));
        let found = find(request, presented);
        Box::pin(async move {
            match found.await {
                Err(problem) if unasked && problem.code() == ProblemCode::Unauthorized => Ok(Self(None)),
                found => found.map(Self),
            }
        })
    }
}

fn nobody() -> Problem {
    Problem::unauthorized("sign in first")
}

/// A handler of this request takes nobody but a [`CurrentUser`]. Noted where it must be known: when a cookie says who calls.
struct SignInRequired;

/// What a request brings to say who calls.
enum Presented {
    /// A token or an API key that the client chose for this request.
    Chosen(String),
    /// A token in a cookie, which a browser sends whoever's page made the request.
    Unasked(String),
}

impl Presented {
    fn in_headers(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let chosen = bearer_token(request.headers())?.map(Self::Chosen);
        Ok(chosen.or_else(|| Self::in_cookie(request)))
    }

    /// In the query, too, as for streams.
    fn anywhere(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let chosen = bearer_token(request.headers())?.or_else(|| query_token(request.query_string())).map(Self::Chosen);
        Ok(chosen.or_else(|| Self::in_cookie(request)))
    }

    fn in_cookie(request: &HttpRequest) -> Option<Self> {
        session_cookie(request.headers()).map(Self::Unasked)
    }

    async fn identify(&self, authenticator: &Authenticator) -> Result<CurrentUser, Problem> {
        match self {
            Self::Chosen(token) => authenticator.authenticate(token).await,
            Self::Unasked(token) => {
                let user = authenticator.authenticate(token).await?;
                // Programs choose their keys; nothing of ours puts one into a cookie.
                if user.session().is_some() { Ok(user) } else { Err(Problem::unauthorized("sign in again")) }
            }
        }
    }

    /// Whether the page behind it may do this.
    fn check_origin(&self, request: &HttpRequest) -> Result<(), Problem> {
        match self {
            Self::Unasked(_) if !request.method().is_safe() => check_origin(request),
            Self::Unasked(_) | Self::Chosen(_) => Ok(()),
        }
    }
}

fn find(
    request: &HttpRequest,
    presented: Result<Option<Presented>, Problem>,
) -> impl Future<Output = Result<Option<CurrentUser>, Problem>> + 'static {
    let authenticator = request.app_data::<web::Data<Authenticator>>().cloned();
    let (key_access, method) = (KeyAccess::of(request), request.method().clone());
    let of_our_page = match &presented {
        Ok(Some(presented)) => presented.check_origin(request),
        Ok(None) | Err(_) => Ok(()),
    };
    async move {
        let Some(presented) = presented? else { return Ok(None) };
        let authenticator = authenticator.ok_or_else(|| Problem::internal("no Authenticator in the app data"))?;
        let user = presented.identify(&authenticator).await?;
        Span::current().record("user_id", tracing::field::display(user.user_id));
        of_our_page?;
        key_access.check(&method, &user)?;
        Ok(Some(user))
    }
}

/// The user whose requests are counted; `None` for bad credentials as for none, and for what a foreign page sends. The token may stand where
/// any handler takes one.
pub(crate) async fn known_user(request: &HttpRequest, authenticator: &Authenticator) -> Option<UserId> {
    let presented = Presented::anywhere(request).ok()??;
    presented.check_origin(request).ok()?;
    Some(presented.identify(authenticator).await.ok()?.user_id)
}

/// Why the caller is not let in, if credentials came along that are not good. A cookie, which comes along with a sign-in too, counts only
/// where it must be good.
pub(crate) fn refusal(request: &HttpRequest) -> impl Future<Output = Option<Problem>> + 'static {
    let request = request.clone();
    async move {
        // Nobody here judges credentials where there is no authenticator.
        request.app_data::<web::Data<Authenticator>>()?;
        let presented = Presented::in_headers(&request);
        let unasked = matches!(presented, Ok(Some(Presented::Unasked(_))));
        // The extractors of a handler are all called before the first of them is waited for.
        let counts = !unasked || request.extensions().get::<SignInRequired>().is_some();
        if counts { find(&request, presented).await.err() } else { None }
    }
}

/// The token in the `Authorization` header; `None` without one. Another scheme is 401.
pub fn bearer_token(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let unreadable = || Problem::unauthorized("the Authorization header must be a Bearer token");
    let value = value.to_str().map_err(|_| unreadable())?.trim();
    if value.is_empty() {
        return Ok(None);
    }
    let mut words = value.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(scheme), Some(token), None) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.to_owned())),
        (Some(token), None, None) => Ok(Some(token.to_owned())),
        _ => Err(unreadable()),
    }
}

/// The first token in a query; `None` without one.
fn query_token(query: &str) -> Option<String> {
    let is_token = |name: &str, value: &str| matches!(name, "access_token" | "token") && !value.is_empty();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, value)| is_token(name, value)).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn read(value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
        bearer_token(&headers).ok()?
    }

    #[test]
    fn the_scheme_may_be_left_out() {
        assert_eq!(read("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(read("bearer  abc ").as_deref(), Some("abc"));
        assert_eq!(read("abc").as_deref(), Some("abc"));
    }

    #[test]
    fn no_header_is_no_credentials_but_another_scheme_is_bad_ones() {
        assert_eq!(bearer_token(&HeaderMap::new()).unwrap(), None);
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert!(bearer_token(&headers).is_err());
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer a b"));
        assert!(bearer_token(&headers).is_err());
        // An empty token is a token that is not valid.
        assert_eq!(read("Bearer").as_deref(), Some("Bearer"));
    }

    #[test]
    fn a_query_may_hold_a_token_under_either_name() {
        assert_eq!(query_token("token=a%2Bb").as_deref(), Some("a+b"));
        assert_eq!(query_token("x=1&access_token=abc").as_deref(), Some("abc"));
        assert_eq!(query_token("token=&access_token=abc").as_deref(), Some("abc"));
        for none in ["", "token", "token=", "Token=abc", "mytoken=abc"] {
            assert_eq!(query_token(none), None, "{none}");
        }
    }
}
