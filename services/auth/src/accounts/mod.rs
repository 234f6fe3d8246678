//! What one can do with an account: each command in a file of its own.
//!
//! Commands know neither HTTP nor SQL. Writes run to their end even when the client hangs up, and a command that fails has stored
//! nothing.

mod acting;
mod api_keys;
mod arrive;
mod change_address;
mod change_password;
mod confirm_email;
mod delete_user;
mod device;
mod end_sessions;
mod error;
mod forgot_password;
mod identify;
mod new_password;
mod ownership;
mod profile;
mod proof;
mod refresh;
mod register;
mod renew;
mod reset_password;
mod security_event;
mod send_code;
mod send_confirmation;
mod session;
mod show_code;
mod sign_in;
mod sign_out;
mod suspend;
mod take_over;
mod user;

use std::sync::Arc;

use zoetrope_outbox::Relay;
use zoetrope_postgres::Database;
use zoetrope_tokens::{Access, Verifier};

pub use acting::{Acting, Evidence};
pub use api_keys::KeyCard;
pub use arrive::Arrived;
pub use confirm_email::{Confirmations, OpenedLink};
pub use delete_user::delete;
pub use device::Device;
pub use end_sessions::OpenSession;
pub use error::AccountError;
pub use profile::Profile;
pub use register::{create, new_user};
pub use security_event::{EventPage, PastEvent, SIGN_IN_FAILED, SecurityEvent};
pub use send_code::Codes;
pub use session::SignedIn;
pub use suspend::{Ended, find, reinstate, suspend};
pub use take_over::Dropped;
pub use user::{User, UserState};

use crate::{
    avatars::Avatars, credentials::Passwords, erasing::Eraser, failures::Failures, keys::Signer, lockout::Lockout,
    reset_mails::ResetDesk, settings::SessionSettings,
};

/// What the commands work with. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Parts>);

/// See [`Accounts::new`].
pub struct Parts {
    pub database: Database,
    pub passwords: Passwords,
    pub signer: Signer,
    pub verifier: Verifier,
    pub access: Access,
    pub relay: Relay,
    pub lockout: Lockout,
    pub failures: Failures,
    pub reset_desk: ResetDesk,
    pub codes: Codes,
    pub eraser: Eraser,
    pub avatars: Avatars,
    /// None: nobody is asked to confirm an address.
    pub confirmations: Option<Confirmations>,
    pub sessions: SessionSettings,
}

impl Accounts {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// How long an access token is good.
    pub fn access_token_seconds(&self) -> u32 {
        self.0.sessions.access_token_seconds.get()
    }
}
