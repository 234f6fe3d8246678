//! The jobs in Postgres: the only place that knows tables. All times are the database's own, so that replicas need not agree on theirs.

mod admission;
mod cancellation;
mod census;
mod claim;
mod lease;
mod record;
mod row;
mod schema;

pub(crate) use admission::admit;
pub(crate) use cancellation::cancel;
pub(crate) use census::census;
pub(crate) use claim::{Claimed, LaneKey, claim, next_due};
pub(crate) use lease::{release, renew};
pub(crate) use record::{lock, record, record_intent, record_late};
pub(crate) use row::CorruptJob;
