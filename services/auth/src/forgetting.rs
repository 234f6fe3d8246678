//! Forgets what nobody needs any more: security events that are older than they are kept, sessions, refresh tokens and API keys that ended
//! long ago, links to choose a new password that were not used, codes to sign in, and wishes for mails that confirm an address.

use std::time::Duration;

use zoetrope_postgres::Database;
use zoetrope_service::Process;

use crate::{
    settings::SecurityEventSettings,
    store::{api_keys, confirmation_mails, password_resets, refresh_tokens, security_events, sessions, sign_in_codes},
};

const EVERY: Duration = Duration::from_secs(60 * 60);
/// How long they are kept for whoever looks into an incident.
const KEPT_DAYS: i32 = 7;
/// A code is counted for a day after the last try at it, and so is the wish for a mail that confirms an address.
const CODES_KEPT_DAYS: i32 = 3;

/// Sweeps until the process stops. Any number of replicas may do so.
pub fn start(process: &Process, database: &Database, events: SecurityEventSettings) {
    let keep_days = i32::from(events.keep_days.get());
    database.keep_pruned(process, "security_events", EVERY, move |connection| {
        Box::pin(security_events::forget_old(connection, keep_days))
    });
    database
        .keep_pruned(process, "refresh_tokens", EVERY, |connection| Box::pin(refresh_tokens::forget_old(connection, KEPT_DAYS)));
    database.keep_pruned(process, "sessions", EVERY, |connection| Box::pin(sessions::forget_old(connection, KEPT_DAYS)));
    database.keep_pruned(process, "api_keys", EVERY, |connection| Box::pin(api_keys::forget_old(connection, KEPT_DAYS)));
    database.keep_pruned(process, "password_resets", EVERY, |connection| Box::pin(password_resets::forget_old(connection)));
    database.keep_pruned(process, "confirmation_mails", EVERY, |connection| {
        Box::pin(confirmation_mails::forget_old(connection, CODES_KEPT_DAYS))
    });
    database.keep_pruned(process, "sign_in_codes", EVERY, |connection| {
        Box::pin(sign_in_codes::forget_old(connection, CODES_KEPT_DAYS))
    });
}
