//! Readers of requests. What they refuse is a [`crate::Problem`] that names the client's own field.

mod field;
mod json;
mod path;
mod query;

pub use json::{Json, JsonLimit};
pub use path::Path;
pub use query::Query;

#[cfg(test)]
mod tests;
