//! The messages on the bus: the only thing that two services agree on.
//!
//! Generated at build time from `proto/zoetrope/**/v1/*.proto`. This crate owns the Rust types, where each message is published
//! ([`Message`]), and the test that refuses a change which an older binary could not read (`tests/compatibility.rs`): services are
//! deployed one after the other, so old and new messages are on the bus side by side.
//!
//! It must never hold a rule about tasks, jobs or users, and never reuse or renumber a field.

mod routing;
mod time;

pub use routing::{COMMANDS, EVENTS, Message};
pub use time::{datetime, timestamp};

/// Commands to the poller and the events with which it answers.
pub mod jobs {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/zoetrope.jobs.v1.rs"));
    }
}

/// Commands to the notifier.
pub mod mail {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/zoetrope.mail.v1.rs"));
    }
}

/// Events of task-api.
pub mod tasks {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/zoetrope.tasks.v1.rs"));
    }
}

/// Events of auth.
pub mod users {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/zoetrope.users.v1.rs"));
    }
}

/// The compiled `proto/` tree (a `google.protobuf.FileDescriptorSet`).
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
