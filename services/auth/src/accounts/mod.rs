//! What one can do with an account: each command in a file of its own.
//!
//! Commands know neither HTTP nor SQL. Writes run to their end even when the client hangs up, and a command that fails has stored
//! nothing.

mod error;
mod identify;
mod refresh;
mod register;
mod session;
mod sign_in;
mod sign_out;
mod user;

use std::sync::Arc;

use zoetrope_outbox::Relay;
use zoetrope_postgres::Database;
use zoetrope_tokens::{Revocations, Verifier};

pub use error::AccountError;
pub use session::SignedIn;
pub use user::User;

use crate::{credentials::Passwords, keys::Signer, settings::SessionSettings};

/// What the commands work with. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Parts>);

/// See [`Accounts::new`].
pub struct Parts {
    pub database: Database,
    pub passwords: Passwords,
    pub signer: Signer,
    pub verifier: Verifier,
    pub revocations: Revocations,
    pub relay: Relay,
    pub sessions: SessionSettings,
}

impl Accounts {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}
