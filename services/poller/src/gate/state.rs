use std::time::{Duration, Instant};

use super::{
    Limits, Verdict,
    breaker::{Breaker, PROBE_WAIT, Passage, Shared, Turn},
    budget::{Budget, Rate},
    pause::{Pause, Paused},
};

/// How old what the other processes know may be where no budget has to be asked for.
const FRESH: Duration = Duration::from_millis(200);

/// After this time Redis knows what this process has just told it.
const SOON: Duration = Duration::from_millis(10);

/// For so long Redis may not answer before a probe is sent without asking: a hiccup is no outage.
const HICCUP: Duration = Duration::from_secs(2);

/// What this process knows of one account, and the rules for what may pass. No clock, no I/O.
#[derive(Debug)]
pub(super) struct State {
    budget: Option<Budget>,
    pause: Pause,
    breaker: Breaker,
    /// Requests made without leave, not yet paid for.
    owed: usize,
    /// Who gave leave last.
    side: Side,
    asked_at: Option<Instant>,
    /// Since when Redis does not answer.
    silent_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Nobody,
    /// Redis, for all processes.
    Together,
    /// This process, of its own share.
    Alone,
}

/// What Redis is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Question {
    pub(super) wanted: usize,
    /// Without one, nothing is counted.
    pub(super) rate: Option<Rate>,
    /// To be paid before anything is granted.
    pub(super) owed: usize,
    /// The budget there may have been spent by processes that were alone.
    pub(super) empty: bool,
    /// This process has its probe out and only holds on to it.
    pub(super) probing: bool,
    asked_at: Instant,
}

/// What Redis answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) granted: usize,
    /// Until the budget has something to grant, where it grants nothing.
    pub(super) wait: Duration,
    /// The rest of the pause, and the refusals that led to it.
    pub(super) pause: Duration,
    pub(super) strikes: u32,
    pub(super) breaker: Shared,
    /// What is granted is leave for a probe.
    pub(super) probe: bool,
}

/// Why nothing may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Pause,
    Breaker,
    /// A probe is out.
    Probe,
    Budget,
}

impl Reason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Breaker => "breaker",
            Self::Probe => "probe",
            Self::Budget => "budget",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Pass(usize),
    Wait(Duration, Reason),
}

/// The way to a decision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Next {
    Decided(Decision),
    Ask(Question),
}

/// What changed, for the log and the other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct News {
    pub(super) paused: Option<Paused>,
    pub(super) turn: Option<Turn>,
}

/// What is to be handed back to Redis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Return {
    /// Leave, if it came from there.
    pub(super) leave: Option<(usize, Rate)>,
    /// The right to send a probe.
    pub(super) probe: bool,
}

impl State {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            budget: limits.requests_per_second.map(|rate| Budget::new(Rate::new(rate), now)),
            pause: Pause::default(),
            breaker: Breaker::new(limits.breaker, now),
            owed: 0,
            side: Side::Nobody,
            asked_at: None,
            silent_since: None,
        }
    }

    /// Decides what can be decided here. What is to be asked, is to be followed by [`decide`](Self::decide).
    pub(super) fn ask(&mut self, now: Instant, wanted: usize) -> Next {
        if let Some(rest) = self.pause.rest(now) {
            return Next::Decided(Decision::Wait(rest, Reason::Pause));
        }
        let (wanted, probing) = match self.breaker.passage(now) {
            Passage::Nothing(wait) => return Next::Decided(Decision::Wait(wait, Reason::Breaker)),
            Passage::All if self.budget.is_none() && self.is_fresh(now) => return Next::Decided(Decision::Pass(wanted)),
            Passage::All => (wanted, false),
            // Others that know of no opening would grant everything.
            Passage::Probe if self.breaker.is_alone() => (1, false),
            Passage::Probe => (wanted, false),
            Passage::AfterProbe(_) => (wanted, true),
        };
        self.asked_at = Some(now);
        let rate = self.budget.as_ref().map(Budget::whole);
        let (owed, empty) = (std::mem::take(&mut self.owed), self.side == Side::Alone);
        Next::Ask(Question { wanted, rate, owed, empty, probing, asked_at: now })
    }

    /// Decides by what Redis answered, or without it.
    pub(super) fn decide(&mut self, now: Instant, question: &Question, facts: Option<Facts>) -> (Decision, News) {
        let news = match facts {
            Some(facts) => self.learn(now, question, facts),
            None => {
                self.side = Side::Alone;
                self.silent_since.get_or_insert(now);
                if let Some(budget) = &mut self.budget {
                    budget.spend(now, question.owed);
                }
                News::default()
            }
        };
        (self.verdict(now, question.wanted, facts), news)
    }

    /// Leave that was not used.
    pub(super) fn give_back(&mut self, now: Instant, unused: usize) -> Return {
        let probe = self.breaker.withdraw_probe();
        let leave = match (&mut self.budget, self.side) {
            (Some(budget), Side::Together) => Some((unused, budget.whole())),
            (Some(budget), Side::Alone | Side::Nobody) => {
                budget.give_back(now, unused);
                None
            }
            (None, _) => None,
        };
        Return { leave, probe }
    }

    pub(super) fn spend(&mut self, requests: usize) {
        if self.budget.is_some() {
            self.owed = self.owed.saturating_add(requests);
        }
    }

    pub(super) fn share(&mut self, processes: usize) {
        if let Some(budget) = &mut self.budget {
            budget.share(processes);
        }
    }

    /// A call begins; it has a number if it is a probe.
    pub(super) fn begin(&mut self, now: Instant) -> Option<u64> {
        self.breaker.begin(now)
    }

    pub(super) fn abandon(&mut self, probe: Option<u64>) {
        self.breaker.abandon(probe);
    }

    /// A call that began then has ended. `jitter` is a random number from 0 to 1.
    pub(super) fn end(&mut self, probe: Option<u64>, began: Instant, now: Instant, verdict: Verdict, jitter: f64) -> News {
        let (failure, paused) = match verdict {
            Verdict::Answered => {
                self.pause.answered(began);
                (None, None)
            }
            // Whoever can refuse is not sick.
            Verdict::Refused { retry_after } => (None, self.pause.refused(began, now, retry_after, jitter)),
            Verdict::Failed { about } => (Some(about), None),
        };
        News { paused, turn: self.breaker.end(probe, began, now, failure, jitter) }
    }

    /// Whether the others are to be told of the pause. They count as told then.
    pub(super) fn is_pause_news(&mut self, now: Instant) -> bool {
        self.pause.is_news(now)
    }

    /// The rest of the pause, and the refusals that led to it.
    pub(super) fn pause_left(&self, now: Instant) -> Option<(Duration, u32)> {
        self.pause.rest(now).map(|rest| (rest, self.pause.strikes()))
    }

    /// The number of the breaker's last turn.
    pub(super) const fn turn(&self) -> u64 {
        self.breaker.turn()
    }

    /// The others were told of a turn, or could not be. Says whether it is still the last one.
    pub(super) const fn turn_told(&mut self, turn: u64, heard: bool, now: Instant) -> bool {
        self.breaker.told(turn, heard, now)
    }

    /// Whether requests may pass, and the breaker's level, for the metrics.
    pub(super) fn figures(&mut self, now: Instant) -> (bool, u8) {
        let passage = self.breaker.passage(now);
        (passage == Passage::All && self.pause.rest(now).is_none(), self.breaker.level())
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.asked_at.is_some_and(|asked| now.saturating_duration_since(asked) < FRESH)
    }

    fn learn(&mut self, now: Instant, question: &Question, facts: Facts) -> News {
        self.side = Side::Together;
        self.silent_since = None;
        if let Some(budget) = &mut self.budget {
            // Whoever is alone from now on begins with nothing: what this process saved up, all together may have spent.
            budget.empty(now);
        }
        News {
            paused: self.pause.heard(now, facts.pause, facts.strikes),
            turn: self.breaker.hear(facts.breaker, question.asked_at, now),
        }
    }

    fn verdict(&mut self, now: Instant, wanted: usize, facts: Option<Facts>) -> Decision {
        if let Some(rest) = self.pause.rest(now) {
            return Decision::Wait(rest, Reason::Pause);
        }
        match self.breaker.passage(now) {
            Passage::Nothing(wait) => Decision::Wait(wait, Reason::Breaker),
            Passage::AfterProbe(wait) => Decision::Wait(wait, Reason::Probe),
            Passage::All => self.leave(now, wanted, facts),
            Passage::Probe => {
                let others_may_have_it = match facts {
                    Some(facts) => facts.breaker != Shared::Closed && !facts.probe && facts.wait.is_zero(),
                    None => self.silent_since.is_some_and(|since| now.saturating_duration_since(since) < HICCUP),
                };
                if others_may_have_it {
                    return Decision::Wait(PROBE_WAIT, Reason::Probe);
                }
                let decision = self.leave(now, 1, facts);
                if matches!(decision, Decision::Pass(_)) {
                    self.breaker.grant_probe(now);
                }
                decision
            }
        }
    }

    fn leave(&mut self, now: Instant, wanted: usize, facts: Option<Facts>) -> Decision {
        let leave = match (facts, &mut self.budget) {
            (Some(facts), _) if facts.granted > 0 => Ok(facts.granted.min(wanted)),
            (Some(facts), _) => Err(facts.wait.max(SOON)),
            (None, Some(budget)) => budget.take(now, wanted),
            (None, None) => Ok(wanted),
        };
        leave.map_or_else(|wait| Decision::Wait(wait, Reason::Budget), Decision::Pass)
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
