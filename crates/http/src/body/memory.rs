use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{BodySettings, SMALL_BYTES};
use crate::Problem;

/// Memory is counted in units of this size: so many MiB of them fit into a semaphore's counter.
const UNIT: usize = 1024;
/// The part of the budget that only the beginnings of bodies may use, so that a few large ones cannot shut out all others.
const SMALL_PART: usize = 8;
/// What a large body takes while it is parsed, in lengths of it: itself, its text while escapes are taken out of it, and the result.
const PARSED_COPIES: usize = 3;
/// A body is gone within moments, or a client gives up.
const RETRY_SECONDS: u64 = 2;

/// The budget of memory for bodies, shared by all workers of a process. Cheap to clone.
///
/// The first [`SMALL_BYTES`] of each body come from one part of it, at twice their length since they are parsed as well, and what follows
/// from the other part.
#[derive(Debug, Clone)]
pub struct BodyMemory {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    large_bytes: usize,
    /// Large bodies are parsed one at a time, so that they never take more than one processor.
    turn: Arc<Semaphore>,
}

/// Bytes of the budget, given back when dropped.
#[derive(Debug)]
pub struct MemoryHold {
    memory: BodyMemory,
    small: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
}

impl BodyMemory {
    pub fn new(settings: &BodySettings) -> Self {
        let bytes = usize::try_from(settings.memory_mib.get()).unwrap_or(usize::MAX).saturating_mul(1024 * 1024);
        let small = bytes / SMALL_PART;
        let large_bytes = bytes - small;
        let pool = |bytes: usize| Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS)));
        Self { small: pool(small), large: pool(large_bytes), large_bytes, turn: Arc::new(Semaphore::new(1)) }
    }

    /// The budget of a request's process.
    pub fn of(request: &HttpRequest) -> Self {
        request.app_data::<Self>().cloned().unwrap_or_default()
    }

    /// The longest body that can ever be held and parsed.
    pub fn longest_body(&self) -> usize {
        self.large_bytes / PARSED_COPIES
    }

    /// Holds nothing yet.
    pub fn hold(&self) -> MemoryHold {
        MemoryHold { memory: self.clone(), small: None, large: None }
    }

    /// Memory for so many bytes beside a large body.
    pub(super) fn beside(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        if bytes == 0 { Ok(None) } else { take(&self.large, bytes).map(Some) }
    }

    /// Waits until no other large body is parsed. `None` never happens, as the semaphore is never closed.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turn).acquire_owned().await.ok()
    }
}

impl Default for BodyMemory {
    fn default() -> Self {
        Self::new(&BodySettings::default())
    }
}

impl MemoryHold {
    /// Makes sure that a body of this length is paid for; 503 when it is not to be had.
    pub fn cover(&mut self, length: usize) -> Result<(), Problem> {
        grow(&mut self.small, &self.memory.small, 2 * length.min(SMALL_BYTES))?;
        grow(&mut self.large, &self.memory.large, length.saturating_sub(SMALL_BYTES))
    }
}

fn grow(held: &mut Option<OwnedSemaphorePermit>, pool: &Arc<Semaphore>, bytes: usize) -> Result<(), Problem> {
    let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits) * UNIT;
    if bytes <= has {
        return Ok(());
    }
    let more = take(pool, bytes - has)?;
    match held {
        Some(held) => held.merge(more),
        None => *held = Some(more),
    }
    Ok(())
}

fn take(pool: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit, Problem> {
    let units = u32::try_from(bytes.div_ceil(UNIT)).map_err(|_| spent())?;
    Arc::clone(pool).try_acquire_many_owned(units).map_err(|_| spent())
}

fn spent() -> Problem {
    metrics::counter!("zoetrope_http_bodies_refused_total", "reason" => "memory").increment(1);
    Problem::unavailable(RETRY_SECONDS, "the memory for bodies (http.bodies.memory_mib) is in use")
}

/// What is held for a request, until that is over.
#[derive(Default)]
struct Kept(Vec<MemoryHold>);

/// Keeps memory counted until the request is answered: what was made of a body is about as large as that.
pub fn keep_for_request(request: &HttpRequest, hold: MemoryHold) {
    let mut extensions = request.extensions_mut();
    if !extensions.contains::<Kept>() {
        extensions.insert(Kept::default());
    }
    if let Some(kept) = extensions.get_mut::<Kept>() {
        kept.0.push(hold);
    }
}
