//! Readers of requests. What they refuse is a [`crate::Problem`] that names the client's own field.

mod charset;
mod content_type;
mod cookie_json;
mod field;
mod form;
mod json;
mod list;
mod optional_json;
mod path;
mod query;

pub use cookie_json::CookieJson;
pub use form::{Form, FormField};
pub use json::{Json, JsonLimit, LargeJson};
pub use list::ShortList;
pub use optional_json::OptionalJson;
pub use path::Path;
pub use query::Query;

#[cfg(test)]
mod form_tests;
#[cfg(test)]
mod tests;
