//! `auth`: accounts, sessions and tokens.
//!
//! It alone knows passwords and signs tokens; the other services verify tokens with its public keys and never ask it. A sign-in opens
//! a *session*, to which all its tokens belong: an access token for minutes, a session token for clients that cannot refresh, and a
//! rotating refresh token in a cookie. Ending the session ends them all; the other services learn of it on the bus and through Redis.
//! Programs use API keys instead, which this service publishes in Redis for the others.
//! What happens to an account is written down for administrators.
//!
//! Redis or RabbitMQ may be away: Postgres holds the truth, and what they have not taken yet follows when they are back.

mod accounts;
mod administration;
mod application;
mod avatars;
mod balances;
mod commands;
mod credentials;
mod erasing;
mod failures;
mod federation;
mod forgetting;
mod housekeeping;
mod http;
mod keys;
mod last_uses;
mod lockout;
mod metrics;
mod recent_users;
mod reset_mails;
mod rules;
mod settings;
mod store;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    commands::run()
}
