use std::{future::Future, ops::Deref, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{AUTHORIZATION, HeaderMap},
    web,
};
use chrono::Utc;
use tokio::time::sleep;
use tracing::Span;
use url::form_urlencoded;
use zoetrope_domain::{SessionId, UserId};
use zoetrope_tokens::{Claims, Revocations, TokenError, Verifier};

use crate::Problem;

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// Tells who presents a token. Registered as `web::Data` for [`CurrentUser`]. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator {
    verifier: Verifier,
    revocations: Revocations,
}

impl Authenticator {
    pub fn new(verifier: Verifier, revocations: Revocations) -> Self {
        Self { verifier, revocations }
    }

    /// The user of a token that is good now and whose session nobody ended; else 401.
    pub async fn authenticate(&self, token: &str) -> Result<CurrentUser, Problem> {
        let claims = self.verifier.verify(token, Utc::now())?;
        if self.revocations.is_revoked(claims.session_id).await {
            return Err(Problem::unauthorized("this session has ended"));
        }
        Ok(CurrentUser { claims })
    }

    /// Waits until somebody has ended the session, and looks every so often. A token that expires does not end it.
    pub async fn revoked(&self, session: SessionId, pause: Duration) {
        while !self.revocations.is_revoked(session).await {
            sleep(pause).await;
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::unauthorized(error.to_string())
    }
}

/// The user who calls, by the `Authorization` header: `Bearer <token>`, or the bare token as some clients send it.
/// Without a good token the request ends with 401.
#[derive(Debug, Clone)]
pub struct CurrentUser {
    pub claims: Claims,
}

impl Deref for CurrentUser {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.claims
    }
}

/// As [`CurrentUser`], but a request without credentials goes on with `None`. Bad credentials are 401 still.
#[derive(Debug, Clone)]
pub struct MaybeUser(pub Option<CurrentUser>);

/// The user who opens a stream of events. A browser's `EventSource` sets no header, so beside [`CurrentUser`]'s the token may stand in the
/// query, as `access_token` or `token`. For such routes only: an address is kept in histories and shared in chats.
#[derive(Debug, Clone)]
pub struct StreamUser(pub CurrentUser);

impl Deref for StreamUser {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.0.claims
    }
}

impl FromRequest for CurrentUser {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let found = find(request, bearer_token(request.headers()));
        Box::pin(async move { found.await?.ok_or_else(nobody) })
    }
}

impl FromRequest for StreamUser {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let in_header = bearer_token(request.headers());
        let found = find(request, in_header.map(|token| token.or_else(|| query_token(request.query_string()))));
        Box::pin(async move { found.await?.map(Self).ok_or_else(nobody) })
    }
}

impl FromRequest for MaybeUser {
    type Error = Problem;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let found = find(request, bearer_token(request.headers()));
        Box::pin(async move { found.await.map(Self) })
    }
}

fn nobody() -> Problem {
    Problem::unauthorized("sign in first")
}

fn find(
    request: &HttpRequest,
    token: Result<Option<String>, Problem>,
) -> impl Future<Output = Result<Option<CurrentUser>, Problem>> + 'static {
    let authenticator = request.app_data::<web::Data<Authenticator>>().cloned();
    async move {
        let Some(token) = token? else { return Ok(None) };
        let authenticator = authenticator.ok_or_else(|| Problem::internal("no Authenticator in the app data"))?;
        let user = authenticator.authenticate(&token).await?;
        Span::current().record("user_id", tracing::field::display(user.user_id));
        Ok(Some(user))
    }
}

/// The user whose requests are counted; `None` for bad credentials as for none. The token may stand where any handler takes one.
pub(crate) async fn known_user(request: &HttpRequest, authenticator: &Authenticator) -> Option<UserId> {
    let in_header = bearer_token(request.headers()).ok()?;
    let token = in_header.or_else(|| query_token(request.query_string()))?;
    Some(authenticator.authenticate(&token).await.ok()?.user_id)
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
