use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt, rngs::StdRng};
use serde_json::{Value, json};

use crate::{arena, deck::Deck, plan::Plan, stage::Stage};

/// Every way in which one generation can go at the provider, other than well.
const FATES: [&str; 48] = [
    "[sim:duration=0]",
    "[sim:duration=9]",
    "[sim:queue=3]",
    "[sim:slow=1]",
    "[sim:fail=no luck today]",
    "[sim:fail=not this prompt code=moderation_blocked]",
    "[sim:submit=400]",
    "[sim:submit=401]",
    "[sim:submit=404]",
    "[sim:submit=408]",
    "[sim:submit=409]",
    "[sim:submit=425]",
    "[sim:submit=429]",
    "[sim:submit=429 retry_after=1 times=2]",
    "[sim:submit=500]",
    "[sim:submit=502]",
    "[sim:submit=503]",
    "[sim:submit=503 retry_after=1]",
    "[sim:submit=malformed]",
    "[sim:submit=cut-before]",
    "[sim:submit=cut-after]",
    "[sim:poll=404 times=2]",
    "[sim:poll=404 times=always]",
    "[sim:poll=429 retry_after=1 times=2]",
    "[sim:poll=500 times=3]",
    "[sim:poll=503 retry_after=1]",
    "[sim:poll=malformed times=2]",
    "[sim:poll=cut times=2]",
    "[sim:poll=unknown times=2]",
    "[sim:content=garbage]",
    "[sim:content=garbage times=always]",
    "[sim:content=cut times=9]",
    "[sim:link=0 times=1]",
    "[sim:link=60]",
    "[sim:content=404]",
    "[sim:content=404 times=always]",
    "[sim:content=429 retry_after=1]",
    "[sim:content=500]",
    "[sim:content=503]",
    "[sim:content=cut]",
    "[sim:content=cut times=3]",
    "[sim:submit=429 retry_after=1][sim:poll=cut][sim:content=cut]",
    STUCK,
    "[sim:duration=9][sim:delete=429 retry_after=1]",
    "[sim:duration=9][sim:delete=500 times=2]",
    "[sim:duration=9][sim:delete=malformed]",
    "[sim:duration=9][sim:delete=cut-before]",
    "[sim:duration=9][sim:delete=cut-after]",
];
const STUCK: &str = "[sim:stuck]";

/// Parts of all tasks that …
const FATED: f64 = 0.5;
const CANCELLED: f64 = 0.2;
const REPEATED: f64 = 0.1;
const WITH_IMAGE: f64 = 0.1;
/// Seconds after the creation, when a cancellation meets every state of a task.
const CANCELLED_AFTER: std::ops::Range<f64> = 0.0..7.0;
const REPEATED_AFTER: std::ops::Range<f64> = 0.0..10.0;

/// A picture of one pixel.
const IMAGE: &str =
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A task that somebody is going to ask for.
#[derive(Debug, Clone)]
pub struct Order {
    fate: &'static str,
    model: &'static str,
    image: bool,
    pub cancel_after: Option<Duration>,
    pub repeat_after: Option<Duration>,
}

/// Hands out orders: half of them plain, the others one of each fate a round.
#[derive(Debug)]
pub struct Orders(Mutex<(Deck<&'static str>, StdRng)>);

impl Orders {
    pub fn new(plan: &Plan) -> Self {
        Self(Mutex::new((Deck::new(FATES, plan.dice(1)), plan.dice(2))))
    }

    pub fn draw(&self) -> Order {
        let (deck, dice) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = if dice.random_bool(FATED) { deck.deal() } else { None }.unwrap_or_default();
        // A fault of the cancellation shows in a cancelled task alone.
        let cancelled = fate.contains("[sim:delete=") || dice.random_bool(if fate == STUCK { 0.5 } else { CANCELLED });
        Order {
            fate,
            model: if dice.random_bool(0.5) { arena::SURE_MODEL } else { arena::BLIND_MODEL },
            image: dice.random_bool(WITH_IMAGE),
            cancel_after: cancelled.then(|| Stage::seconds(dice, CANCELLED_AFTER)),
            repeat_after: dice.random_bool(REPEATED).then(|| Stage::seconds(dice, REPEATED_AFTER)),
        }
    }

    pub fn each_fate_was_dealt(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.each_was_dealt()
    }
}

impl Order {
    /// The request.
    pub fn body(&self) -> Value {
        let mut body = json!({ "prompt": format!("a boat in a storm {}", self.fate), "model": self.model });
        if self.image {
            body["referenceImage"] = IMAGE.into();
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_comes_and_faults_of_cancellations_meet_cancellations() {
        let orders = Orders::new(&Plan::lasting(Duration::ZERO));
        let drawn: Vec<Order> = (0..400).map(|_| orders.draw()).collect();
        assert!(orders.each_fate_was_dealt());
        for fate in FATES {
            let of_it: Vec<_> = drawn.iter().filter(|order| order.fate == fate).collect();
            assert!(!of_it.is_empty(), "{fate}");
            assert!(!fate.contains("delete") || of_it.iter().all(|order| order.cancel_after.is_some()), "{fate}");
        }
        assert!(drawn.iter().any(|order| order.image) && drawn.iter().any(|order| order.repeat_after.is_some()));
    }
}
