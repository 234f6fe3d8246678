//! The rules of Zoetrope: what a task is, how it may change, what it costs.
//!
//! Everything here is pure: no input or output, no async, no clock, no randomness of its own. A caller brings the facts (a message, a
//! balance, a random number) and gets a decision back. The services turn decisions into rows, messages and answers; they never decide
//! themselves.

pub mod backoff;
mod cancellation;
mod catalog;
pub mod characters;
mod credits;
mod email_address;
mod feed_position;
mod ids;
mod job_event;
mod language;
mod masking;
mod owner_generation;
mod progress;
mod task;
mod task_state;
mod video;
mod video_request;

pub use cancellation::{AlreadyFinished, Cancellation};
pub use catalog::{CatalogError, Model, ModelCatalog};
pub use credits::{Credits, InsufficientCredits, InvalidCredits, LedgerKind};
pub use email_address::{EmailAddress, InvalidEmailAddress};
pub use feed_position::{FeedPosition, InvalidFeedPosition};
pub use ids::{ApiKeyId, AvatarId, InvalidId, SessionId, TaskId, UserId};
pub use job_event::{JobEvent, JobPhase};
pub use language::Language;
pub use masking::masked;
pub use owner_generation::{AccountOwner, OwnerGeneration};
pub use progress::Progress;
pub use task::{TaskKind, TaskStatus, TaskStep, UnknownWord};
pub use task_state::{TaskState, Transition};
pub use video::{AspectRatio, InvalidVideoSize, VideoSize};
pub use video_request::{InvalidVideoInput, VideoInput, VideoOrder, VideoRequest};
