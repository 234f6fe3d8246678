//! How the simulator behaves towards everyone: set at start, changed while it runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::directives::{Directives, InvalidDirective};

const LONGEST_SECONDS: f64 = 86_400.0;

/// As set and shown; times in seconds, possibly fractional, 0 to 86400.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Behaviour {
    /// From submission to the end.
    pub(crate) duration_seconds: f64,
    /// How much of it is spent `queued`.
    pub(crate) queue_seconds: f64,
    /// One small clip for all videos of a size and length.
    pub(crate) cheap: bool,
    /// Directives that act on every request.
    pub(crate) directives: String,
    #[serde(skip)]
    parsed: Directives,
}

/// Changes some of the behaviour; what is absent stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BehaviourChange {
    pub(crate) duration_seconds: Option<f64>,
    pub(crate) queue_seconds: Option<f64>,
    pub(crate) cheap: Option<bool>,
    pub(crate) directives: Option<String>,
}

/// A value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidBehaviour {
    #[error("must be from 0 to {LONGEST_SECONDS} seconds")]
    Seconds { field: &'static str },
    #[error(transparent)]
    Directives(#[from] InvalidDirective),
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { duration_seconds: 6.0, queue_seconds: 1.0, cheap: false, directives: String::new(), parsed: Directives::default() }
    }
}

impl Behaviour {
    pub(crate) fn with(self, change: BehaviourChange) -> Result<Self, InvalidBehaviour> {
        let directives = change.directives.unwrap_or(self.directives);
        let changed = Self {
            duration_seconds: change.duration_seconds.unwrap_or(self.duration_seconds),
            queue_seconds: change.queue_seconds.unwrap_or(self.queue_seconds),
            cheap: change.cheap.unwrap_or(self.cheap),
            parsed: Directives::parse(&directives)?,
            directives,
        };
        seconds("duration_seconds", changed.duration_seconds)?;
        seconds("queue_seconds", changed.queue_seconds)?;
        Ok(changed)
    }

    /// What `directives` says.
    pub(crate) fn everyone(&self) -> &Directives {
        &self.parsed
    }

    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.duration_seconds)
    }

    pub(crate) fn queue(&self) -> Duration {
        Duration::from_secs_f64(self.queue_seconds)
    }
}

fn seconds(field: &'static str, value: f64) -> Result<(), InvalidBehaviour> {
    if (0.0..=LONGEST_SECONDS).contains(&value) { Ok(()) } else { Err(InvalidBehaviour::Seconds { field }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_the_rest() {
        let change = BehaviourChange { duration_seconds: Some(0.5), ..BehaviourChange::default() };
        let changed = Behaviour::default().with(change).unwrap();
        assert_eq!(changed, Behaviour { duration_seconds: 0.5, ..Behaviour::default() });
    }

    #[test]
    fn bad_values_are_named() {
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e9] {
            let change = BehaviourChange { queue_seconds: Some(bad), ..BehaviourChange::default() };
            assert_eq!(Behaviour::default().with(change), Err(InvalidBehaviour::Seconds { field: "queue_seconds" }));
        }
        let change = BehaviourChange { directives: Some("[sim:what]".to_owned()), ..BehaviourChange::default() };
        assert!(matches!(Behaviour::default().with(change), Err(InvalidBehaviour::Directives(_))));
    }
}
