//! The tables of this service. Free functions over a connection; the rows stay private here.

pub mod accounts;
pub mod audit;
pub mod audits;
pub mod balances;
pub mod erasure;
pub mod followed_requests;
pub mod idempotency;
pub mod owners;
mod schema;
pub mod stats;
mod task_row;
pub mod tasks;
