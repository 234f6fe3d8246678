//! The life of a job: pure rules, no I/O, no clock.
//!
//! The work (submit, poll, archive, delete) ends in an [`Outcome`]; [`apply`] turns it into the next [`Job`], the event to publish and
//! the time of the next step. What the provider holds dear is decided here alone: after an [`Outcome::Ambiguous`] nothing leads back to
//! [`State::Pending`], so a job that may have arrived is never submitted again.

mod calling_off;
mod cancel;
mod external_id;
mod failure;
mod outcome;
mod policy;
mod rhythm;
mod state;
mod transition;

pub(crate) use cancel::{CancelOrder, cancel, late};
pub(crate) use external_id::ExternalId;
pub(crate) use failure::{Failure, FailureCode};
pub(crate) use outcome::{Outcome, StoredFile, StoredResult};
#[cfg(test)]
pub(crate) use policy::POLICY;
pub(crate) use policy::{Ages, Policy};
pub(crate) use rhythm::Rhythm;
pub(crate) use state::{State, Work};
pub(crate) use transition::{Event, Job, Step, apply};

#[cfg(test)]
mod properties;
