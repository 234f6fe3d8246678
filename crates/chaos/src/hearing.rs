//! What is told of a task, by a frame or by a GET, and when one agrees with the other. Pure.

use std::fmt;

use serde_json::Value;

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    Completed,
    Failed,
    Cancelled,
}

/// A state as somebody told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    stage: Stage,
    percent: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Queued,
    Processing,
    Ended(Ending),
}

impl Ending {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// In the words of the table, of the HTTP API or of the WebSocket.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Completed, Self::Failed, Self::Cancelled].into_iter().find(|ending| word.eq_ignore_ascii_case(ending.as_str()))
    }
}

impl Told {
    /// Reads a frame's payload or a row; `None` when it tells no state that we know.
    pub fn of(value: &Value) -> Option<Self> {
        let word = value["status"].as_str()?;
        let stage = match word.to_ascii_lowercase().as_str() {
            "queued" => Stage::Queued,
            "processing" | "in_progress" => Stage::Processing,
            word => Stage::Ended(Ending::parse(word)?),
        };
        Some(Self { stage, percent: value["progress"].as_u64().unwrap_or_default() })
    }

    pub const fn ending(self) -> Option<Ending> {
        match self.stage {
            Stage::Ended(ending) => Some(ending),
            Stage::Queued | Stage::Processing => None,
        }
    }

    /// Whether a task can go from there to here, or stay. An end is final.
    pub fn may_follow(self, earlier: Self) -> bool {
        match (earlier.stage, self.stage) {
            (Stage::Ended(before), Stage::Ended(now)) => before == now,
            // Frames of failures tell no progress.
            (_, Stage::Ended(_)) => true,
            (before, now) => before <= now && earlier.percent <= self.percent,
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stage {
            Stage::Queued => write!(formatter, "queued")?,
            Stage::Processing => write!(formatter, "processing")?,
            Stage::Ended(ending) => write!(formatter, "{}", ending.as_str())?,
        }
        write!(formatter, " {} %", self.percent)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(status: &str, progress: u64) -> Told {
        Told::of(&json!({ "status": status, "progress": progress })).unwrap()
    }

    #[test]
    fn frames_and_rows_are_understood_alike() {
        assert_eq!(told("in_progress", 5), told("PROCESSING", 5));
        assert_eq!(told("cancelled", 5).ending(), Some(Ending::Cancelled));
        assert_eq!(Told::of(&json!({ "status": "dreaming" })), None);
        assert_eq!(Told::of(&json!({ "progress": 3 })), None);
    }

    #[test]
    fn a_task_goes_forward_and_ends_once() {
        for (earlier, later) in [
            (told("queued", 0), told("queued", 0)),
            (told("queued", 0), told("COMPLETED", 100)),
            (told("in_progress", 40), told("PROCESSING", 41)),
            (told("in_progress", 40), told("FAILED", 40)),
            (told("completed", 100), told("COMPLETED", 100)),
        ] {
            assert!(later.may_follow(earlier), "{earlier}, then {later}");
        }
        for (earlier, later) in [
            (told("in_progress", 40), told("QUEUED", 0)),
            (told("in_progress", 40), told("PROCESSING", 39)),
            (told("completed", 100), told("PROCESSING", 99)),
            (told("failed", 40), told("CANCELLED", 40)),
        ] {
            assert!(!later.may_follow(earlier), "{earlier}, then {later}");
        }
    }

    #[test]
    fn an_ending_needs_no_progress() {
        // `taskFailed` has none.
        let failed = Told::of(&json!({ "status": "failed" })).unwrap();
        assert!(told("FAILED", 40).may_follow(failed) && failed.may_follow(told("PROCESSING", 40)));
    }
}
