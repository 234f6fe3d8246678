//! What a service bears of the bodies of requests: memory, and time.
//!
//! * [`BodySettings`] bounds both.
//! * [`BodyMemory`] counts the bytes of all bodies that are held in memory at once, at one process. Beyond the budget a request ends with
//!   503. [`BodyBuffer`] collects a body within it.
//! * [`bound_bodies`](guard::bound_bodies), a middleware, ends a body that comes too slowly or for too long (408), and closes the connection
//!   of a request that was answered before its body had come.
//! * [`Offload`] moves what is to be computed from a large body away from the threads that serve requests.

mod buffer;
mod error;
mod guard;
mod memory;
mod offload;
mod pace;
mod settings;

pub use buffer::BodyBuffer;
pub use error::payload_problem;
pub(crate) use error::too_slow;
pub(crate) use guard::bound_bodies;
pub use memory::{BodyMemory, MemoryHold, keep_for_request};
pub use offload::Offload;
pub use settings::BodySettings;

/// Up to this length a body is parsed where it arrives, and counts as small.
pub const SMALL_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
