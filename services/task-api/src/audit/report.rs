use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What an audit found. Names are text: another version of this service may read what this one wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Whether nothing is broken.
    pub sound: bool,
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub seconds: f64,
    pub invariants: Vec<Finding>,
    /// How many tasks there are, by status.
    pub tasks: BTreeMap<String, u64>,
    pub totals: Totals,
}

/// What an audit found of one invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub name: String,
    pub sentence: String,
    /// Rows of which the invariant says something.
    pub checked: u64,
    pub breaches: u64,
    /// The ids of some rows that break it: users, ledger entries or tasks.
    pub first: Vec<String>,
}

/// Sums over what was met, each page as of its own moment: on a live database they need not fit each other exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub accounts: u64,
    pub entries: u64,
    /// Credits given or bought.
    pub granted: i64,
    pub spent: i64,
    pub refunded: i64,
}

impl Report {
    /// How many tasks there are.
    pub fn task_count(&self) -> u64 {
        self.tasks.values().sum()
    }

    /// How many invariants are broken.
    pub fn broken(&self) -> usize {
        self.invariants.iter().filter(|finding| finding.breaches > 0).count()
    }

    pub fn finished_at(&self) -> DateTime<Utc> {
        self.started_at + Duration::from_secs_f64(self.seconds.max(0.0))
    }
}
