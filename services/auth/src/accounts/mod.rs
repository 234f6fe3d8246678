//! What one can do with an account: each command in a file of its own.
//!
//! Commands know neither HTTP nor SQL. Writes run to their end even when the client hangs up, and a command that fails has stored
//! nothing.

mod change_password;
mod error;
mod forgot_password;
mod identify;
mod new_password;
mod proof;
mod refresh;
mod register;
mod reset_password;
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

use crate::{credentials::Passwords, keys::Signer, lockout::Lockout, reset_mails::ResetDesk, settings::SessionSettings};

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
    pub lockout: Lockout,
    pub reset_desk: ResetDesk,
    pub sessions: SessionSettings,
}

impl Accounts {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}
