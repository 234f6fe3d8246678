//! The schema `notifier`: the only place that knows SQL. Rows stay inside.

pub mod contacts;
pub mod mails;
mod schema;
pub mod task_states;
pub mod webhooks;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// What `notifier migrate` brings the schema to.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/notifier");
