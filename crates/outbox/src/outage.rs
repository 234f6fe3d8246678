use std::{error::Error, time::Duration};

use zoetrope_domain::backoff;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Failures in a row. The first is told, the others are not, and the end is.
pub(crate) struct Outage {
    task: &'static str,
    failures: u32,
}

impl Outage {
    pub(crate) fn new(task: &'static str) -> Self {
        Self { task, failures: 0 }
    }

    /// Counts a failure, and says how long to wait before trying again.
    pub(crate) fn failed(&mut self, error: &(dyn Error + 'static)) -> Duration {
        let pause = backoff::exponential(self.failures, FIRST_PAUSE, LONGEST_PAUSE, rand::random());
        if self.failures == 0 {
            tracing::warn!(task = self.task, error, "the outbox is stuck; trying again until it works");
        }
        self.failures = self.failures.saturating_add(1);
        pause
    }

    pub(crate) fn over(&mut self) {
        if self.failures > 0 {
            tracing::info!(task = self.task, failures = self.failures, "the outbox works again");
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_start_again_after_a_success() {
        let error = std::io::Error::other("away");
        let mut outage = Outage::new("test");
        let pauses: Vec<_> = (0..10).map(|_| outage.failed(&error)).collect();
        assert!(pauses[0] <= FIRST_PAUSE && pauses[9] >= LONGEST_PAUSE / 2, "{pauses:?}");
        outage.over();
        assert!(outage.failed(&error) <= FIRST_PAUSE);
    }
}
