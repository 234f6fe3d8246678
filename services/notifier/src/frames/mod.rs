//! What travels over a connection, in the two dialects of the client families.
//!
//! | dialect | family | a frame |
//! |---|---|---|
//! | [`Dialect::Enveloped`] | `sora_ui` | `{ "type", "id"?, "timestamp", "payload" }` |
//! | [`Dialect::Flat`] | `photo` | `{ "type", …fields…, "timestamp" }` |
//!
//! In both, what tells of tasks has an `eventId` beside `type`.
//!
//! [`ClientFrame`] is what a client asks, [`ServerFrame`] what the server says; neither knows of sockets.

mod client;
mod envelope;
mod flat;
mod id;
mod render;
mod server;
mod view;

pub use client::{BadFrame, ClientFrame, PingStyle, Request};
pub use id::{ConnectionId, FrameId};
pub use render::{Facts, Renderer};
pub use server::{ErrorCode, NO_SUCH_TASK, Outgoing, ServerFrame};
pub use view::upper_status_word;

/// How frames look on a connection. Enveloped until a `photo`-style sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Enveloped,
    Flat,
}
