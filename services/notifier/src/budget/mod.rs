//! How much clients may make this process do: token buckets in memory for each connection, for all connections of a user, and for those from
//! an address on which nobody has signed in yet.
//!
//! A unit is about one frame in answer. Who wants more than there is, is not answered with errors, which would be work as well: its connection is
//! read more slowly, until TCP makes the client wait, it is told so now and then, and it is closed if it goes on like that.

mod bucket;
mod connection;
mod registry;
mod throttle;

use bucket::Bucket;

pub use self::{
    bucket::Rate,
    connection::{ConnectionBudget, Pressure},
    registry::{BudgetLimits, Budgets},
    throttle::Throttle,
};
