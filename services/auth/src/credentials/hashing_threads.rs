use std::{
    io,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::Semaphore,
    time::{Instant, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::metrics;

/// The work was not done.
#[derive(Debug, thiserror::Error)]
pub enum HashingError {
    #[error("too many sign-ins wait for their turn")]
    Busy,
    #[error("hashing was cut off")]
    Interrupted,
}

/// Threads for hashing alone: a bounded number, so that a storm of sign-ins slows nothing else, for which a bounded number waits.
///
/// One that has done its work takes the next itself. Threads that anybody may use, which take turns, do measurably less in the same time.
pub struct HashingThreads {
    /// Whose pool for blocking work this is; it runs nothing else. There until the end.
    runtime: Option<Runtime>,
    handle: Handle,
    /// For those who wait and those who have their turn.
    places: Arc<Semaphore>,
    patience: Duration,
}

impl HashingThreads {
    /// `max_waiting` wait for `patience` at most.
    pub fn new(threads: NonZeroUsize, max_waiting: usize, patience: Duration) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().max_blocking_threads(threads.get()).thread_name("hashing").build()?;
        let places = threads.get().saturating_add(max_waiting).min(Semaphore::MAX_PERMITS);
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime), places: Arc::new(Semaphore::new(places)), patience })
    }

    /// Has the work done in its turn. It is not begun once the caller has gone.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashingError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let came = Instant::now();
        // Who is first decides: the thread that begins, or the caller whose patience is at an end.
        let decided = Arc::new(AtomicBool::new(false));
        let was_decided = Arc::clone(&decided);
        let mut hashing = AbortOnDropHandle::new(self.handle.spawn_blocking(move || {
            let _place = place;
            if was_decided.swap(true, Ordering::Relaxed) {
                return None;
            }
            metrics::password_waited(came.elapsed());
            Some(work())
        }));
        let done = match timeout(self.patience, &mut hashing).await {
            Ok(done) => done,
            Err(_) if decided.swap(true, Ordering::Relaxed) => hashing.await,
            Err(_) => return Err(busy()),
        };
        done.ok().flatten().ok_or(HashingError::Interrupted)
    }
}

impl Drop for HashingThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waits for no thread: the caller may be asynchronous.
            runtime.shutdown_background();
        }
    }
}

fn busy() -> HashingError {
    metrics::password_refused();
    HashingError::Busy
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::poll;
    use tokio::time::advance;

    use super::*;

    /// One thread, which is busy until the sender goes.
    fn busy_one(max_waiting: usize, patience: Duration) -> (Arc<HashingThreads>, mpsc::Sender<()>) {
        let threads = Arc::new(HashingThreads::new(NonZeroUsize::MIN, max_waiting, patience).unwrap());
        let (release, released) = mpsc::channel::<()>();
        threads.handle.spawn_blocking(move || released.recv());
        (threads, release)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn who_waits_too_long_is_told_so_and_nothing_is_done() {
        let (threads, release) = busy_one(1, Duration::from_millis(1));
        let (begun, was_begun) = mpsc::channel();
        assert!(matches!(threads.run(move || begun.send(())).await, Err(HashingError::Busy)));
        drop(release);
        // The sender goes with the work.
        assert!(was_begun.recv().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_begun_is_waited_for() {
        let patience = Duration::from_secs(1);
        let threads = HashingThreads::new(NonZeroUsize::MIN, 0, patience).unwrap();
        let ((release, released), (begin, begun)) = (mpsc::channel::<()>(), mpsc::channel());
        let work = threads.run(move || {
            begin.send(()).unwrap();
            released.recv().is_err()
        });
        tokio::pin!(work);
        assert!(poll!(&mut work).is_pending());
        begun.recv().unwrap();
        advance(2 * patience).await;
        assert!(poll!(&mut work).is_pending());
        drop(release);
        assert!(work.await.unwrap());
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_does_not_wait() {
        let (threads, release) = busy_one(0, LONG);
        let waits = threads.run(|| 1);
        tokio::pin!(waits);
        assert!(timeout(Duration::from_millis(1), &mut waits).await.is_err());
        assert!(matches!(threads.run(|| 2).await, Err(HashingError::Busy)));
        drop(release);
        assert_eq!(waits.await.unwrap(), 1);
        assert_eq!(threads.places.available_permits(), 1);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_not_begun() {
        let (threads, release) = busy_one(2, LONG);
        let (begun, was_begun) = mpsc::channel();
        assert!(timeout(Duration::from_millis(1), threads.run(move || begun.send(()))).await.is_err());
        drop(release);
        assert!(was_begun.recv().is_err());
        assert_eq!(threads.run(|| 3).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_panic_takes_no_thread_away() {
        let threads = HashingThreads::new(NonZeroUsize::MIN, 0, LONG).unwrap();
        let panicking = threads.run(|| assert!(std::hint::black_box(false), "on purpose"));
        assert!(matches!(panicking.await, Err(HashingError::Interrupted)));
        assert_eq!(threads.run(|| 4).await.unwrap(), 4);
    }
}
