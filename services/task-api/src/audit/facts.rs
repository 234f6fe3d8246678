use std::time::Duration;

use zoetrope_domain::{LedgerKind, TaskId, TaskStatus, UserId};

/// An account beside its ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountFacts {
    pub user_id: UserId,
    pub balance: i64,
    /// What the newest entry left; none without entries.
    pub left_by_ledger: Option<i64>,
}

/// A ledger entry beside the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryFacts {
    pub id: i64,
    pub kind: LedgerKind,
    pub amount: i64,
    pub balance_after: i64,
    /// What the account's entry before this one left; none before the first.
    pub balance_before: Option<i64>,
    /// Whether it names a task that exists.
    pub has_task: bool,
}

/// A task beside its ledger entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskFacts {
    pub id: TaskId,
    pub status: TaskStatus,
    pub price: i64,
    pub has_result: bool,
    /// Since it was accepted, by the database's clock.
    pub age: Duration,
    pub charges: Booked,
    pub refunds: Booked,
}

/// The entries of one kind that name a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Booked {
    pub times: i64,
    /// Their sum, as far as they are in the ledger of the task's owner.
    pub amount: i64,
}
