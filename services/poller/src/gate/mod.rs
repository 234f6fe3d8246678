//! When requests may be made to a provider account.
//!
//! Three rules stand between due jobs and the provider, and all replicas keep them together, through Redis:
//!
//! * the **budget**: `requests_per_second`, with bursts of one second's worth. Without the setting nothing is counted;
//! * the **pause**: a 429, or a 503 that names a time, stops all requests until then (or for 1 s, doubling up to a minute, where it names
//!   none). It never ends earlier than was once said;
//! * the **breaker**: when too many of the calls of the last ten seconds fail (no connection, no answer, 5xx), requests stop for a while.
//!   Then one call at a time, over all replicas, finds out whether the provider is well again.
//!
//! One sick job does not open the breaker, however often it is tried: the failures must be of three different jobs at the least. A call
//! that did not even leave is the provider's failure and nobody's job.
//!
//! [`Gate::take`] gives leave, in one round trip to Redis at the most; every call reports how it ended by its [`Call`]. The rules are pure
//! ([`budget`], [`pause`], [`breaker`], put together in [`state`]); [`shared`] is what Redis keeps.
//!
//! While Redis is away each process keeps the rules on its own, with its share of the rate. The work must never stop because Redis does,
//! nor wait for it longer than 100 ms.

mod breaker;
mod budget;
mod notices;
mod pause;
mod shared;
mod state;
mod window;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use zoetrope_redis::Redis;

pub(crate) use breaker::BreakerRules;
use breaker::Turn;
use notices::Notices;
use shared::Blackboard;
use state::{Decision, News, Next, State};

/// How often the others are tried to be told of something while Redis is away, and the time between: Redis is not asked in vain.
const TELLINGS: usize = 5;
const BETWEEN_TELLINGS: Duration = Duration::from_secs(1);

/// What an account bears.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limits {
    /// Above 0. None: as many as there are.
    pub(crate) requests_per_second: Option<f64>,
    pub(crate) breaker: BreakerRules,
}

/// The gate of one account. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    blackboard: Blackboard,
    notices: Notices,
}

/// The answer to who asks for leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// For so many requests: at least one, and no more than were wanted.
    Granted(usize),
    /// None before this time has passed. Then ask again: there may be none even so.
    NotBefore(Duration),
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The provider answered, well or not.
    Answered,
    /// It wants fewer calls, or none for this time.
    Refused { retry_after: Option<Duration> },
    /// It could not be reached, did not answer or failed.
    Failed {
        /// What the call was about, so that one job's failures are known as such. None: the provider itself.
        about: Option<u64>,
    },
}

impl Gate {
    /// Contacts nobody. `redis` is the same for all replicas.
    pub(crate) fn new(account: &str, limits: Limits, redis: Redis) -> Self {
        let gate = Self(Arc::new(Inner {
            state: Mutex::new(State::new(&limits, Instant::now())),
            blackboard: Blackboard::new(account, redis),
            notices: Notices::new(account),
        }));
        gate.show(&mut gate.state());
        gate
    }

    /// Asks for leave for at most so many requests, now. A request begins with [`begin`](Self::begin).
    pub(crate) async fn take(&self, wanted: usize) -> Leave {
        let next = self.state().ask(Instant::now(), wanted.max(1));
        let decision = match next {
            Next::Decided(decision) => decision,
            Next::Ask(question) => {
                let facts = self.0.blackboard.take(&question).await;
                let mut state = self.state();
                let (decision, news) = state.decide(Instant::now(), &question, facts);
                self.show(&mut state);
                drop(state);
                self.0.notices.log(&news);
                decision
            }
        };
        match decision {
            Decision::Pass(granted) => Leave::Granted(granted),
            Decision::Wait(wait, reason) => {
                self.0.notices.count_wait(reason);
                Leave::NotBefore(wait)
            }
        }
    }

    /// Takes back leave that was not used, which is to happen soon: what is held in between counts as made.
    pub(crate) async fn give_back(&self, unused: usize) {
        if unused == 0 {
            return;
        }
        let what = self.state().give_back(Instant::now(), unused);
        if what.leave.is_some() || what.probe {
            self.0.blackboard.give_back(&what).await;
        }
    }

    /// Tells of requests that were made beyond the leave taken. The next ones wait for it.
    pub(crate) fn spend(&self, requests: usize) {
        self.state().spend(requests);
    }

    /// Tells how many processes share the account, so that each knows its part when Redis is away.
    pub(crate) fn shared_by(&self, replicas: usize) {
        let mut state = self.state();
        state.share(replicas);
        self.show(&mut state);
    }

    /// A call to the provider begins, with leave or without.
    pub(crate) fn begin(&self) -> Call<'_> {
        let began = Instant::now();
        Call { gate: self, began, probe: self.state().begin(began), ended: false }
    }

    fn end(&self, call: &Call<'_>, verdict: Verdict) {
        let now = Instant::now();
        let mut state = self.state();
        let news = state.end(call.probe, call.began, now, verdict, rand::random());
        if news == News::default() {
            return;
        }
        let (pause, number) = (state.is_pause_news(now), state.turn());
        self.show(&mut state);
        drop(state);
        self.0.notices.log(&news);
        if pause {
            let gate = self.clone();
            zoetrope_service::spawn("gate", async move { gate.tell_pause().await });
        }
        if let Some(turn) = news.turn {
            let gate = self.clone();
            zoetrope_service::spawn("gate", async move { gate.tell_turn(turn, number, now).await });
        }
    }

    /// Tells the others of the pause, as long as it lasts and Redis is away.
    async fn tell_pause(&self) {
        for _ in 0..TELLINGS {
            let Some((rest, strikes)) = self.state().pause_left(Instant::now()) else { return };
            if self.0.blackboard.pause(rest, strikes).await {
                return;
            }
            tokio::time::sleep(BETWEEN_TELLINGS).await;
        }
    }

    /// Tells the others of a turn of the breaker, as long as it is the last one and Redis is away.
    async fn tell_turn(&self, turn: Turn, number: u64, turned_at: Instant) {
        for _ in 0..TELLINGS {
            let heard = match turn {
                Turn::Opened { wait, trips, .. } => self.0.blackboard.open(wait.saturating_sub(turned_at.elapsed()), trips).await,
                Turn::Closed => self.0.blackboard.close().await,
            };
            if !self.state().turn_told(number, heard, Instant::now()) || heard {
                return;
            }
            tokio::time::sleep(BETWEEN_TELLINGS).await;
        }
    }

    fn show(&self, state: &mut State) {
        let (open, level) = state.figures(Instant::now());
        self.0.notices.show(open, level);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call under way. Dropped without an end, it tells nothing.
#[must_use]
pub(crate) struct Call<'a> {
    gate: &'a Gate,
    began: Instant,
    probe: Option<u64>,
    ended: bool,
}

impl Call<'_> {
    pub(crate) fn end(mut self, verdict: Verdict) {
        self.ended = true;
        self.gate.end(&self, verdict);
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.gate.state().abandon(self.probe);
        }
    }
}

#[cfg(test)]
mod tests;
