//! Webhooks: who is to be told, of what, and how far that is.

pub mod deliveries;
pub mod endpoints;
pub mod events;
pub mod secrets;
pub mod work;

use std::time::Duration;

use diesel::result::Error as QueryError;

/// Negative for what lies in the past, which is now.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> QueryError {
    QueryError::DeserializationError(Box::new(error))
}
