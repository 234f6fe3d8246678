//! What can be done to tasks and credits, each in one transaction: the state, the ledger and the messages change together or not at all.

mod apply_job;
mod cancel_task;
mod create_task;
mod delete_user;
mod open_account;
mod take_over;

use zoetrope_domain::Credits;
use zoetrope_outbox::Relay;
use zoetrope_postgres::Database;

pub use apply_job::{ApplyError, JobOutcome, JobReport};
pub use cancel_task::{CancelError, Cancelled};
pub use create_task::{CreateError, Created, Idempotency, NewTask};

/// The commands with what they need. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    pub database: Database,
    pub relay: Relay,
    /// What a new account starts with.
    pub signup_grant: Credits,
}
