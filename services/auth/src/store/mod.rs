//! The schema `auth`: the only place that knows SQL. Rows stay inside.

pub mod addresses;
pub mod api_keys;
pub mod avatars;
pub mod balances;
pub mod confirmation_mails;
mod endings;
pub mod erasure;
pub mod identities;
pub mod password_resets;
pub mod profiles;
pub mod refresh_tokens;
pub mod reset_requests;
mod schema;
pub mod security_events;
pub mod sessions;
pub mod sign_in_codes;
mod usernames;
pub mod users;

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// What `auth migrate` brings the schema to.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/auth");
