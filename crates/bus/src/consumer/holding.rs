use std::{
    error::Error,
    sync::atomic::{AtomicUsize, Ordering},
};

use metrics::gauge;

/// How many messages of a queue are held because a server is away. Tells when that begins and when it ends, however many messages it concerns.
pub(super) struct Holding {
    queue: &'static str,
    held: AtomicUsize,
}

impl Holding {
    pub(super) fn new(queue: &'static str) -> Self {
        Self { queue, held: AtomicUsize::new(0) }
    }

    /// Counts one message until the guard is dropped.
    pub(super) fn hold(&self, error: &(dyn Error + Send + Sync + 'static)) -> Held<'_> {
        if self.held.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(queue = self.queue, error, "a server is away; messages are held until it is back");
        }
        gauge!("zoetrope_bus_held_messages", "queue" => self.queue).increment(1.0);
        Held(self)
    }
}

pub(super) struct Held<'a>(&'a Holding);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        gauge!("zoetrope_bus_held_messages", "queue" => self.0.queue).decrement(1.0);
        if self.0.held.fetch_sub(1, Ordering::Relaxed) == 1 {
            tracing::info!(queue = self.0.queue, "no messages are held any more");
        }
    }
}
