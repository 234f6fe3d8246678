use std::{
    error::Error,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use zoetrope_domain::backoff;

use crate::outage::Outage;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Whether the mail server can be used at all, as this process sees it. While it cannot, no mail is to blame: they wait as they are, and
/// one of them is tried after each pause.
pub(super) struct Line(Mutex<State>);

struct State {
    failures: u32,
    outage: Outage,
}

impl Line {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { failures: 0, outage: Outage::new("deliver mail") }))
    }

    pub(super) fn failed(&self, error: &(dyn Error + 'static)) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.outage.failed(error);
    }

    /// The mail server spoke with us about a mail, whatever it said.
    pub(super) fn worked(&self) {
        let mut state = self.state();
        state.failures = 0;
        state.outage.worked();
    }

    /// How long to leave the mail server alone; `None` while it works.
    pub(super) fn pause(&self, jitter: f64) -> Option<Duration> {
        let failures = self.state().failures;
        (failures > 0).then(|| backoff::exponential(failures - 1, FIRST_PAUSE, LONGEST_PAUSE, jitter))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_it_works() {
        let line = Line::new();
        assert_eq!(line.pause(0.0), None);
        let pauses: Vec<_> = (0..8)
            .map(|_| {
                line.failed(&std::io::Error::other("away"));
                line.pause(0.0).unwrap().as_secs()
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
        line.worked();
        assert_eq!(line.pause(0.0), None);
    }
}
