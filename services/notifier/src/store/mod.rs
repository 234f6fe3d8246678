//! The schema `notifier`: the only place that knows SQL. Rows stay inside.

pub mod contacts;
pub mod deleted_users;
pub mod mails;
pub mod owners;
pub mod pruning;
pub mod reading;
pub mod saving;
mod schema;
pub mod webhooks;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// What `notifier migrate` brings the schema to.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/notifier");

/// Versions and positions are checked when they are read.
fn bigint(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
