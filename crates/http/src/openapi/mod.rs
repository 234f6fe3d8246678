//! What the API descriptions of all services share.

mod common_responses;

use actix_web::http::Method;
use utoipa::{
    Modify,
    openapi::{
        Components, ObjectBuilder, OpenApi, Ref, Response, ResponseBuilder, Type,
        path::{Operation, PathItem},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use self::common_responses::{number, problem_body};
use crate::{Classify, SESSION_COOKIE};

/// The name by which a handler asks for the scheme: `security(("bearer" = []))`.
pub const BEARER: &str = "bearer";

/// The name of the cookie's scheme, which nobody asks for: it is good wherever [`BEARER`] is.
const COOKIE: &str = "sessionCookie";

/// Adds the security scheme [`BEARER`], and the session cookie beside it. For `#[openapi(modifiers(&BearerScheme))]`.
pub struct BearerScheme;

impl Modify for BearerScheme {
    fn modify(&self, openapi: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The accessToken or data.token of a sign-in, or an API key (sk-…)."))
            .build();
        let about_cookie = "Set by a sign-in. What is not a GET then needs an `Origin` of ours, which browsers send.";
        let cookie = ApiKeyValue::with_description(SESSION_COOKIE, about_cookie);
        let components = openapi.components.get_or_insert_with(Components::new);
        components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
        components.add_security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));

        let [bearer, cookie] = [BEARER, COOKIE].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
        for item in openapi.paths.paths.values_mut() {
            for (_, operation) in operations(item) {
                let Some(schemes) = &mut operation.security else { continue };
                if schemes.contains(&bearer) {
                    schemes.push(cookie.clone());
                }
            }
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let PathItem { get, put, post, patch, delete, head, .. } = item;
    let operations = [
        (Method::GET, get),
        (Method::PUT, put),
        (Method::POST, post),
        (Method::PATCH, patch),
        (Method::DELETE, delete),
        (Method::HEAD, head),
    ];
    operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// A text that is one of these words.
#[must_use]
pub fn words<W: Into<serde_json::Value>>(words: impl IntoIterator<Item = W>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}

/// The name of the answer 429 among the components.
const RATE_LIMITED: &str = "RateLimited";

/// Adds the answers that do not depend on what an operation is for: 429 to each that falls under a limit, and the common refusals.
#[must_use]
pub fn with_common_responses(mut openapi: OpenApi, limit_of: Classify) -> OpenApi {
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations(item) {
            if limit_of(&method, path).is_some() {
                operation.responses.responses.insert("429".to_owned(), Ref::from_response_name(RATE_LIMITED).into());
            }
            common_responses::add_to(operation, path);
        }
    }
    let components = openapi.components.get_or_insert_with(Components::new);
    components.responses.insert(RATE_LIMITED.to_owned(), rate_limited().into());
    components.responses.extend(common_responses::components());
    openapi
}

fn rate_limited() -> Response {
    ResponseBuilder::new()
        .description("Too many requests, or too many open streams. Every response has the headers `X-RateLimit-*`.")
        .header("Retry-After", number("Seconds until a request is allowed again."))
        .header("X-RateLimit-Limit", number("Requests that may be made at once."))
        .header("X-RateLimit-Remaining", number("How many of them are left."))
        .header("X-RateLimit-Reset", number("When all of them are there again, in Unix seconds."))
        .content("application/json", problem_body())
        .build()
}
