//! Server-sent events: how they are written, and the response that stays open for them.
//!
//! A handler calls [`open`], answers with the response, and hands the [`Writer`] to a task of its own (`actix_web::rt::spawn`), which
//! lives as long as the client listens. While nothing is written, the response sends a comment now and then, so that no proxy takes it for
//! dead, and so that a client that hung up is noticed. [`head`] is for clients that only ask whether there is a stream.

mod event;
mod last_event_id;
mod stream;

pub use event::Event;
pub use last_event_id::last_event_id;
pub use stream::{Ended, Pace, Writer, head, open};
