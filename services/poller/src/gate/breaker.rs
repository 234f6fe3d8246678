use std::time::{Duration, Instant};

use zoetrope_domain::backoff;

use super::window::Window;

/// Longest time that a breaker stays open between two probes, unless the first is longer.
const LONGEST: Duration = Duration::from_secs(60);
/// A probe that has not become a call by then never will.
const PROBE_START: Duration = Duration::from_secs(15);
/// How often whoever waits for the end of a probe asks again.
pub(super) const PROBE_WAIT: Duration = Duration::from_millis(500);

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BreakerRules {
    /// Calls within ten seconds below which nothing is concluded.
    pub(crate) min_calls: usize,
    /// The part of them that failed, 0 to 1.
    pub(crate) failure_ratio: f64,
    /// First time that it stays open; doubles up to a minute with every probe that fails.
    pub(crate) open_for: Duration,
}

/// Stops the calls to a provider that fails, and finds out with single ones when it no longer does.
#[derive(Debug)]
pub(super) struct Breaker {
    rules: BreakerRules,
    phase: Phase,
    window: Window,
    /// Calls that began before do not count: they belong to an earlier phase.
    counts_from: Option<Instant>,
    /// Openings in a row.
    trips: u32,
    probes: u64,
    /// Changes of phase that the others are told of.
    turns: u64,
    told: Told,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Open { until: Instant },
    HalfOpen(Probe),
}

/// This process's probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Probe {
    None,
    /// There is leave for it.
    Granted {
        at: Instant,
    },
    /// It is this call.
    Begun(u64),
}

/// Whether the other processes know our phase, which decides whether theirs is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Since(Instant),
    UnderWay,
    Failed,
}

/// What may pass now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    All,
    /// A probe, unless another process has one out.
    Probe,
    /// Nothing: this process has its probe out. Ask again after this time.
    AfterProbe(Duration),
    /// Nothing for this time.
    Nothing(Duration),
}

/// The phase that the other processes know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    Closed,
    HalfOpen { trips: u32 },
    Open { rest: Duration, trips: u32 },
}

/// A change that the others, and the log, are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Opened {
        wait: Duration,
        trips: u32,
        /// It was closed until now, and not half-open.
        first: bool,
    },
    Closed,
}

impl Breaker {
    pub(super) fn new(rules: BreakerRules, now: Instant) -> Self {
        Self {
            rules,
            phase: Phase::Closed,
            window: Window::new(now),
            counts_from: None,
            trips: 0,
            probes: 0,
            turns: 0,
            told: Told::Since(now),
        }
    }

    pub(super) fn passage(&mut self, now: Instant) -> Passage {
        self.advance(now);
        match self.phase {
            Phase::Closed => Passage::All,
            Phase::Open { until } => Passage::Nothing(until.saturating_duration_since(now)),
            Phase::HalfOpen(Probe::None) => Passage::Probe,
            Phase::HalfOpen(Probe::Granted { .. } | Probe::Begun(_)) => Passage::AfterProbe(PROBE_WAIT),
        }
    }

    /// The number that the metric shows: 0 closed, 1 half-open, 2 open.
    pub(super) const fn level(&self) -> u8 {
        match self.phase {
            Phase::Closed => 0,
            Phase::HalfOpen(_) => 1,
            Phase::Open { .. } => 2,
        }
    }

    /// The next call of this process is the probe.
    pub(super) fn grant_probe(&mut self, now: Instant) {
        if self.phase == Phase::HalfOpen(Probe::None) {
            self.phase = Phase::HalfOpen(Probe::Granted { at: now });
        }
    }

    /// There will be no call for which the probe was granted. Whether there was such a probe.
    pub(super) fn withdraw_probe(&mut self) -> bool {
        let granted = matches!(self.phase, Phase::HalfOpen(Probe::Granted { .. }));
        if granted {
            self.phase = Phase::HalfOpen(Probe::None);
        }
        granted
    }

    /// A call begins. It has a number if it is the probe.
    pub(super) fn begin(&mut self, now: Instant) -> Option<u64> {
        self.advance(now);
        if !matches!(self.phase, Phase::HalfOpen(Probe::Granted { .. })) {
            return None;
        }
        self.probes += 1;
        self.phase = Phase::HalfOpen(Probe::Begun(self.probes));
        Some(self.probes)
    }

    /// The call was given up before anybody knew how it would end.
    pub(super) fn abandon(&mut self, probe: Option<u64>) {
        if self.is_out(probe) {
            self.phase = Phase::HalfOpen(Probe::None);
        }
    }

    /// The call ended. A failure carries what it was about, if that says anything. `jitter` is a random number from 0 to 1.
    pub(super) fn end(
        &mut self,
        probe: Option<u64>,
        began: Instant,
        now: Instant,
        failure: Option<Option<u64>>,
        jitter: f64,
    ) -> Option<Turn> {
        if self.is_out(probe) {
            return Some(if failure.is_some() { self.open(now, jitter) } else { self.close(now) });
        }
        // While it is open, only the probe is to say whether the provider is well.
        if self.phase != Phase::Closed || self.counts_from.is_some_and(|from| began < from) {
            return None;
        }
        self.window.count(now, failure);
        self.window.is_sick(now, self.rules.min_calls, self.rules.failure_ratio).then(|| self.open(now, jitter))
    }

    /// The number of the last turn.
    pub(super) const fn turn(&self) -> u64 {
        self.turns
    }

    /// The others were told of a turn, or could not be. Says whether it is still the last one.
    pub(super) const fn told(&mut self, turn: u64, heard: bool, now: Instant) -> bool {
        if turn == self.turns {
            self.told = if heard { Told::Since(now) } else { Told::Failed };
        }
        turn == self.turns
    }

    /// Whether the others may not know that it is open, so that their "closed" says nothing.
    pub(super) fn is_alone(&self) -> bool {
        self.told == Told::Failed
    }

    /// The others knew this when they were asked at that time.
    pub(super) fn hear(&mut self, shared: Shared, asked_at: Instant, now: Instant) -> Option<Turn> {
        let newer = match self.told {
            Told::Since(told) => asked_at >= told,
            Told::UnderWay => false,
            Told::Failed => shared != Shared::Closed,
        };
        if !newer {
            return None;
        }
        self.advance(now);
        let turn = match (shared, self.phase) {
            (Shared::Open { rest, .. }, Phase::Open { until }) => {
                self.phase = Phase::Open { until: until.max(now + rest) };
                None
            }
            (Shared::Open { rest, trips }, phase) => {
                self.phase = Phase::Open { until: now + rest };
                (phase == Phase::Closed).then_some(Turn::Opened { wait: rest, trips, first: true })
            }
            (Shared::HalfOpen { trips }, Phase::Closed) => {
                self.phase = Phase::HalfOpen(Probe::None);
                Some(Turn::Opened { wait: Duration::ZERO, trips, first: true })
            }
            (Shared::Closed, Phase::HalfOpen(_)) => Some(self.close(now)),
            (Shared::HalfOpen { .. }, Phase::HalfOpen(_) | Phase::Open { .. })
            | (Shared::Closed, Phase::Closed | Phase::Open { .. }) => None,
        };
        if let Shared::Open { trips, .. } | Shared::HalfOpen { trips } = shared {
            self.trips = trips;
        }
        self.told = Told::Since(now);
        turn
    }

    fn is_out(&self, probe: Option<u64>) -> bool {
        probe.is_some_and(|probe| self.phase == Phase::HalfOpen(Probe::Begun(probe)))
    }

    fn open(&mut self, now: Instant, jitter: f64) -> Turn {
        let shortest = self.rules.open_for;
        let wait = backoff::exponential(self.trips, shortest, LONGEST.max(shortest), jitter);
        let first = self.phase == Phase::Closed;
        self.trips = self.trips.saturating_add(1);
        self.turns += 1;
        self.phase = Phase::Open { until: now + wait };
        self.told = Told::UnderWay;
        Turn::Opened { wait, trips: self.trips, first }
    }

    fn close(&mut self, now: Instant) -> Turn {
        self.phase = Phase::Closed;
        self.trips = 0;
        self.turns += 1;
        self.window = Window::new(now);
        self.counts_from = Some(now);
        self.told = Told::UnderWay;
        Turn::Closed
    }

    fn advance(&mut self, now: Instant) {
        match self.phase {
            Phase::Open { until } if until <= now => self.phase = Phase::HalfOpen(Probe::None),
            Phase::HalfOpen(Probe::Granted { at }) if now.saturating_duration_since(at) > PROBE_START => {
                self.phase = Phase::HalfOpen(Probe::None);
            }
            Phase::Closed | Phase::Open { .. } | Phase::HalfOpen(_) => {}
        }
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
