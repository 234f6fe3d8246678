//! The jobs in Postgres: the only place that knows tables. All times are the database's own, so that replicas need not agree on theirs;
//! only `ordered_at` comes from task-api, and is compared with nothing but the age at which jobs are forgotten.

mod admission;
mod cancellation;
mod census;
mod claim;
mod due;
mod durations;
mod lane;
mod lease;
mod listing;
mod overdue;
mod record;
mod replicas;
mod row;
mod schema;
mod submissions;

pub(crate) use admission::{Admission, admit, forget, order};
pub(crate) use cancellation::cancel;
pub(crate) use census::census;
pub(crate) use claim::{Claimed, Claims, claim};
pub(crate) use due::{next_due, strangers};
pub(crate) use durations::observed;
pub(crate) use lane::LaneKey;
pub(crate) use lease::{release, renew};
pub(crate) use listing::{JobFilter, ListedJob, list};
pub(crate) use overdue::claim_overdue;
pub(crate) use record::{Record, lock, record, record_intent, record_late};
pub(crate) use replicas::{report_replica, sign_off};
pub(crate) use row::CorruptJob;
pub(crate) use submissions::{Capacity, claim_submissions};
