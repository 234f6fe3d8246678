use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::news::{Clock, Moment, News};

const LOOK: Duration = Duration::from_millis(2);

/// What the clients have heard, all of them together.
pub struct Arrivals {
    clock: Clock,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    arrivals: Vec<Arrival>,
    sample: String,
}

/// News that has reached one client.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    pub published_at: Moment,
    /// Seconds until its frame was read.
    pub delay: f64,
}

impl Arrivals {
    pub fn new(clock: Clock) -> Self {
        Self { clock, heard: Mutex::default() }
    }

    /// Notes a frame that tells of a change.
    pub fn note(&self, news: &News<'_>, text: &[u8]) {
        let Some(published_at) = news.published_at() else { return };
        let delay = self.clock.now().since(published_at);
        let mut heard = self.lock();
        heard.arrivals.push(Arrival { published_at, delay });
        if heard.sample.is_empty() {
            heard.sample = String::from_utf8_lossy(text).into_owned();
        }
    }

    /// Waits until there are so many, or time is up.
    pub async fn wait_for(&self, count: usize, patience: Duration) {
        let started = Instant::now();
        while self.lock().arrivals.len() < count && started.elapsed() < patience {
            sleep(LOOK).await;
        }
    }

    /// All since the last time.
    pub fn take(&self) -> Vec<Arrival> {
        mem::take(&mut self.lock().arrivals)
    }

    /// A frame as the notifier writes it; empty before the first.
    pub fn sample(&self) -> String {
        self.lock().sample.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
