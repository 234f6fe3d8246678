//! A task as this service knows it: whole public states with a version, of which only the newest counts.

mod snapshot;
mod update;

pub use snapshot::{Ending, InvalidTask, TaskFailure, TaskOutput, TaskSnapshot};
pub use update::Update;
