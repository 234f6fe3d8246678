//! HTTP as all services speak it: one error body, extractors that name the field, and one middleware around every request.
//!
//! * [`Problem`] is the only error of a handler and becomes the error body that every client family reads.
//! * [`Json`], [`Form`], [`Query`] and [`Path`] read requests; what they refuse is a [`Problem`] that names the client's own field.
//! * [`CurrentUser`] and [`MaybeUser`] tell who calls, [`StreamUser`] who opens a stream of events, [`ClientLanguage`] in which language
//!   to answer by mail. [`KeyAccess`] is what an API key needs for a route.
//! * [`session_cookie`] is what a browser sends instead of a token; [`check_origin`] refuses what a foreign page has it send.
//!   [`CookieJson`] and [`refuse_foreign_origin`] are for what sets a cookie.
//! * [`RateLimits`] refuses what is too much, [`client_address`] tells where a request comes from.
//! * [`body`] bounds the memory and the time that bodies of requests may take.
//! * [`sse`] streams events.
//! * [`serve`] puts routes on a socket: request ids, the span that continues the caller's trace, access log, metrics, limits, CORS, `HEAD` and
//!   `OPTIONS` for every route.
//!
//! Metrics: `zoetrope_http_request_seconds{method,route,status}`; `route` is the pattern that matched, or `unmatched`.
//! `zoetrope_http_bodies_refused_total{reason}`: bodies for which there was no `memory`, and `slow` ones.
//!
//! A 5xx is logged here, once, with all its causes; its client is told nothing but the request id.

pub mod body;
mod caller;
mod canonical_path;
mod client_address;
mod context;
mod cors;
pub mod envelope;
mod extract;
mod key_access;
mod language;
mod methods;
pub mod openapi;
mod origin;
mod problem;
mod rate_limit;
mod request_id;
mod server;
mod session_cookie;
pub mod sse;
mod time;

pub use caller::{Authenticator, CurrentUser, MaybeUser, StreamUser, bearer_token};
pub use client_address::{ClientAddress, client_address};
pub use context::request_context;
pub use extract::{CookieJson, Form, FormField, Json, JsonLimit, LargeJson, OptionalJson, Path, Query, ShortList};
pub use key_access::KeyAccess;
pub use language::ClientLanguage;
pub use methods::is_head;
pub use origin::{WebOrigin, check_origin, refuse_foreign_origin};
pub use problem::{FieldError, Problem, ProblemBody, ProblemCode};
pub use rate_limit::{Classify, RateLimits};
pub use request_id::RequestId;
pub use server::{HttpSettings, serve};
pub use session_cookie::{SESSION_COOKIE, session_cookie};
pub use time::iso_millis;
