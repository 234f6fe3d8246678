use actix_web::web;

use super::{BodyMemory, SMALL_BYTES};
use crate::Problem;

/// Where to compute something from a body.
#[derive(Debug, Clone)]
pub struct Offload {
    memory: BodyMemory,
    bytes: usize,
}

impl Offload {
    /// For a body of this length.
    pub fn new(memory: BodyMemory, bytes: usize) -> Self {
        Self { memory, bytes }
    }

    /// For what is left of the body once so many bytes of it were taken away.
    #[must_use]
    pub fn without(self, bytes: usize) -> Self {
        Self { bytes: self.bytes.saturating_sub(bytes), ..self }
    }

    /// Computes here if the body is small. Else where it holds up no other request, when no other large body is worked on, and with memory
    /// for `copies` more of the body.
    pub async fn run<T, W>(&self, copies: usize, work: W) -> Result<T, Problem>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        if self.bytes <= SMALL_BYTES {
            return Ok(work());
        }
        // Who has the turn never waits for memory. Taken before it, the copies of those that wait would shut out each other.
        let turn = self.memory.turn().await;
        let copies = self.memory.beside(copies.saturating_mul(self.bytes))?;
        let done = web::block(move || {
            // Held by the work and not by the request, which a client can end.
            let _held = (copies, turn);
            work()
        });
        done.await.map_err(Problem::internal)
    }
}
