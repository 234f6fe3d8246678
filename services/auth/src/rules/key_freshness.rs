//! When the keys of another service are asked for.

use std::time::Duration;

/// Keys that cannot be renewed are good for so much longer: a service may be away, and its keys rarely change.
const USABLE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long keys are kept.
#[derive(Debug, Clone, Copy)]
pub struct Freshness {
    /// Then they are asked for anew.
    pub max_age: Duration,
    /// Between two times of asking, whatever comes in: neither a service that is away nor tokens with made-up keys lead to a storm.
    pub pause: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// What is kept.
    Use,
    Ask,
    /// There is nothing, and it was asked for a moment ago.
    GiveUp,
}

impl Freshness {
    /// `age` is that of what is kept, `asked` how long ago somebody asked, and what is kept may be known to lack a key.
    pub fn step(&self, age: Option<Duration>, asked: Option<Duration>, lacks_a_key: bool) -> Step {
        let may_ask = asked.is_none_or(|ago| ago >= self.pause);
        match age {
            Some(age) if !lacks_a_key && age < self.max_age => Step::Use,
            _ if may_ask => Step::Ask,
            age if self.is_usable(age) => Step::Use,
            _ => Step::GiveUp,
        }
    }

    /// Whether what is kept will do when there is nothing newer to be had.
    pub fn is_usable(&self, age: Option<Duration>) -> bool {
        age.is_some_and(|age| age < self.max_age.max(USABLE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESHNESS: Freshness = Freshness { max_age: Duration::from_secs(3600), pause: Duration::from_secs(5) };

    fn step(age: Option<u64>, asked: Option<u64>, lacks_a_key: bool) -> Step {
        FRESHNESS.step(age.map(Duration::from_secs), asked.map(Duration::from_secs), lacks_a_key)
    }

    #[test]
    fn fresh_keys_are_used() {
        assert_eq!(step(Some(0), Some(0), false), Step::Use);
        assert_eq!(step(Some(3599), Some(3599), false), Step::Use);
        assert_eq!(step(Some(3600), Some(3600), false), Step::Ask);
    }

    #[test]
    fn an_unknown_key_is_asked_for_now_and_then() {
        assert_eq!(step(Some(10), Some(5), true), Step::Ask);
        assert_eq!(step(Some(10), Some(4), true), Step::Use);
    }

    #[test]
    fn a_service_that_is_away_is_asked_now_and_then() {
        assert_eq!(step(None, None, false), Step::Ask);
        assert_eq!(step(None, Some(4), false), Step::GiveUp);
        assert_eq!(step(None, Some(5), false), Step::Ask);
        assert_eq!(step(Some(7200), Some(4), false), Step::Use);
        assert_eq!(step(Some(2 * 86_400), Some(4), false), Step::GiveUp);
    }
}
