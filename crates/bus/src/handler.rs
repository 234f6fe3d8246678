use std::{error::Error, future::Future};

use crate::IncomingMessage;

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// What is done with the messages of a queue.
pub trait Handler: Send + Sync + 'static {
    /// Handles one message. `Ok` acknowledges it, so what it asks for must be stored by then.
    ///
    /// Must be idempotent: a message can come again, also while it is still being handled here, and messages can overtake each other. A panic
    /// counts as [`HandleError::Failed`].
    fn handle(&self, message: IncomingMessage) -> impl Future<Output = Result<(), HandleError>> + Send;
}

/// Why a message was not handled, which decides what becomes of it.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// A server that the handler needs is away. The message is held and tried again, with growing pauses, until it works or the process stops.
    /// It is never dead-lettered for this. (The broker takes a message back from whoever holds it for 30 minutes, its `consumer_timeout`; that counts
    /// as one delivery.)
    #[error("a server is away")]
    Unavailable(#[source] BoxError),
    /// It can never be handled: undecodable, or of an unknown type. Dead-lettered at once.
    #[error("the message cannot be handled")]
    Poison(#[source] BoxError),
    /// Anything else. Delivered again, to any replica, up to [`DELIVERY_LIMIT`](crate::topology::DELIVERY_LIMIT) times, then dead-lettered.
    #[error("handling the message failed")]
    Failed(#[source] BoxError),
}

impl HandleError {
    /// See [`HandleError::Unavailable`].
    pub fn unavailable(error: impl Into<BoxError>) -> Self {
        Self::Unavailable(error.into())
    }

    /// See [`HandleError::Poison`].
    pub fn poison(error: impl Into<BoxError>) -> Self {
        Self::Poison(error.into())
    }

    /// See [`HandleError::Failed`].
    pub fn failed(error: impl Into<BoxError>) -> Self {
        Self::Failed(error.into())
    }
}
