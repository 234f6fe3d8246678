use super::{BodyMemory, MemoryHold, SMALL_BYTES};
use crate::Problem;

/// A body, or a part of one, that is collected in memory: up to a limit, and within the budget of the process.
#[derive(Debug)]
pub struct BodyBuffer {
    bytes: Vec<u8>,
    hold: MemoryHold,
    memory: BodyMemory,
    limit: usize,
    announced: Option<usize>,
}

impl BodyBuffer {
    /// `announced` is the length that the client promises.
    pub fn new(memory: BodyMemory, limit: usize, announced: Option<usize>) -> Self {
        Self { bytes: Vec::new(), hold: memory.hold(), memory, limit, announced }
    }

    /// Takes what has arrived: 413 beyond the limit, 503 beyond the budget.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Problem> {
        let length = self.bytes.len() + chunk.len();
        if length > self.limit {
            return Err(Problem::too_large(u64::try_from(self.limit).unwrap_or(u64::MAX)));
        }
        self.hold.cover(length)?;
        if length > self.bytes.capacity() {
            // The copy is there before the original is gone.
            let _both = self.memory.beside(self.bytes.len().saturating_sub(SMALL_BYTES))?;
            self.bytes.reserve_exact(self.capacity_for(length) - self.bytes.len());
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// A head alone must not cost memory: the announced length counts once a body has shown to be large. Of what is reserved then, only what
    /// was written takes memory.
    fn capacity_for(&self, length: usize) -> usize {
        let doubled = length.saturating_mul(2);
        let wanted = if length <= SMALL_BYTES { doubled.min(SMALL_BYTES) } else { self.announced.unwrap_or(doubled) };
        wanted.min(self.limit).max(length)
    }

    /// What was collected, and the memory that it takes.
    pub fn finish(self) -> (Vec<u8>, MemoryHold) {
        (self.bytes, self.hold)
    }
}
