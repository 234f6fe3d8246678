//! A client of Zoetrope's public API, as the `sora_ui` family of front-ends speaks it: sign-in, video tasks, files, and
//! live updates over the WebSocket. The binary `zoetrope` is built on it.
//!
//! ```no_run
//! use zoetrope_client::{Client, NewTask};
//!
//! # async fn generate() -> Result<(), zoetrope_client::ClientError> {
//! let client = Client::new("http://127.0.0.1:8080")?;
//! let session = client.register("ann", "correct horse battery staple").await?;
//! let client = client.with_token(session.token);
//!
//! let task = client.create_task(&NewTask::new("A fox in the snow", "sora-2")).await?;
//! let mut events = client.events().await?;
//! events.authenticate(client.token().unwrap_or_default()).await?;
//! events.subscribe(&task.video_id).await?;
//! while let Some(update) = events.next().await?.task_update() {
//!     if update.is_terminal() {
//!         break;
//!     }
//! }
//! let content = client.content(&task.video_id).await?;
//! client.download(&content.url, "fox.mp4".as_ref(), |_, _| ()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Every call comes in two forms: the typed methods turn any answer but a 2xx into [`ClientError::Refused`] with the
//! status and the problem body; [`Client::request`] and [`Client::send`] hand back whatever came, as a [`RawResponse`].
//!
//! Nothing is retried here: whether a call may be repeated is for the caller to know.

mod api;
mod client;
mod download;
mod error;
mod events;
mod response;
mod task;
mod user;

pub use client::Client;
pub use error::{ClientError, FieldProblem, Problem, Refusal};
pub use events::{Events, Frame, TaskUpdate};
pub use response::RawResponse;
pub use task::{Content, ListTasks, NewTask, ReferenceImage, Task, TaskPage, TaskStatus};
pub use user::{Session, User};

#[cfg(test)]
mod tests;
