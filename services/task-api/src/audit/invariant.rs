use std::time::Duration;

use zoetrope_domain::{LedgerKind, TaskStatus};

use super::facts::{AccountFacts, EntryFacts, TaskFacts};

/// What must hold, whatever was killed on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invariant {
    BalanceNotNegative,
    BalanceIsLedger,
    LedgerAddsUp,
    EntryHasTask,
    TaskChargedOnce,
    TaskRefundedOnce,
    RefundHasReason,
    CompletedHasResult,
    TaskNotStuck,
}

/// What an invariant says of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It says nothing of such a row.
    Exempt,
    Kept,
    Broken,
}

use Verdict::{Broken, Exempt, Kept};

impl Verdict {
    const fn of(kept: bool) -> Self {
        if kept { Kept } else { Broken }
    }
}

impl Invariant {
    pub const ALL: [Self; 9] = [
        Self::BalanceNotNegative,
        Self::BalanceIsLedger,
        Self::LedgerAddsUp,
        Self::EntryHasTask,
        Self::TaskChargedOnce,
        Self::TaskRefundedOnce,
        Self::RefundHasReason,
        Self::CompletedHasResult,
        Self::TaskNotStuck,
    ];

    /// Its name in reports, metrics and alerts, which never changes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BalanceNotNegative => "balance_not_negative",
            Self::BalanceIsLedger => "balance_is_ledger",
            Self::LedgerAddsUp => "ledger_adds_up",
            Self::EntryHasTask => "entry_has_task",
            Self::TaskChargedOnce => "task_charged_once",
            Self::TaskRefundedOnce => "task_refunded_once",
            Self::RefundHasReason => "refund_has_reason",
            Self::CompletedHasResult => "completed_has_result",
            Self::TaskNotStuck => "task_not_stuck",
        }
    }

    /// Itself, in a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::BalanceNotNegative => "No balance is negative.",
            Self::BalanceIsLedger => "A balance is what the newest entry of its ledger left.",
            Self::LedgerAddsUp => "A ledger entry leaves what the one before it left, plus its own amount.",
            Self::EntryHasTask => "Credits are spent and refunded for a task that exists.",
            Self::TaskChargedOnce => "A task is charged once, to its owner, with the price that was frozen when it was accepted.",
            Self::TaskRefundedOnce => "A failed or cancelled task is refunded once, to its owner, with its price.",
            Self::RefundHasReason => "Only a failed or cancelled task is refunded.",
            Self::CompletedHasResult => "A completed task has a result.",
            Self::TaskNotStuck => "A task ends in time.",
        }
    }
}

/// Judges an account.
pub fn of_account(account: &AccountFacts) -> [(Invariant, Verdict); 2] {
    [
        (Invariant::BalanceNotNegative, Verdict::of(account.balance >= 0)),
        (Invariant::BalanceIsLedger, Verdict::of(account.balance == account.left_by_ledger.unwrap_or_default())),
    ]
}

/// Judges a ledger entry.
pub fn of_entry(entry: &EntryFacts) -> [(Invariant, Verdict); 2] {
    let sum = entry.balance_before.unwrap_or_default().checked_add(entry.amount);
    let needs_task = match entry.kind {
        LedgerKind::Consume | LedgerKind::Refund => true,
        LedgerKind::Recharge | LedgerKind::Reward => false,
    };
    [
        (Invariant::LedgerAddsUp, Verdict::of(sum == Some(entry.balance_after))),
        (Invariant::EntryHasTask, if needs_task { Verdict::of(entry.has_task) } else { Exempt }),
    ]
}

/// Judges a task. One that has not ended is stuck after the given time.
pub fn of_task(task: &TaskFacts, stuck_after: Duration) -> [(Invariant, Verdict); 5] {
    let (charges, refunds) = (task.charges, task.refunds);
    let refundable = task.status.refunds();
    let refunded = Verdict::of(refunds.times == 1 && refunds.amount == task.price);
    let result = match task.status {
        TaskStatus::Completed => Verdict::of(task.has_result),
        TaskStatus::Queued | TaskStatus::Processing | TaskStatus::Failed | TaskStatus::Cancelled => Exempt,
    };
    [
        (Invariant::TaskChargedOnce, Verdict::of(charges.times == 1 && charges.amount.checked_neg() == Some(task.price))),
        (Invariant::TaskRefundedOnce, if refundable { refunded } else { Exempt }),
        (Invariant::RefundHasReason, if refunds.times == 0 { Exempt } else { Verdict::of(refundable) }),
        (Invariant::CompletedHasResult, result),
        (Invariant::TaskNotStuck, if task.status.is_terminal() { Exempt } else { Verdict::of(task.age <= stuck_after) }),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;
    use zoetrope_domain::{TaskId, UserId};

    use super::*;
    use crate::audit::Booked;

    const DAY: Duration = Duration::from_secs(86_400);

    fn task(status: TaskStatus) -> TaskFacts {
        let refunds = if status.refunds() { Booked { times: 1, amount: 100 } } else { Booked::default() };
        TaskFacts {
            id: TaskId::new(Uuid::from_u128(1)),
            status,
            price: 100,
            has_result: status == TaskStatus::Completed,
            age: Duration::from_secs(60),
            charges: Booked { times: 1, amount: -100 },
            refunds,
        }
    }

    fn broken(verdicts: impl IntoIterator<Item = (Invariant, Verdict)>) -> Vec<Invariant> {
        verdicts.into_iter().filter(|(_, verdict)| *verdict == Broken).map(|(invariant, _)| invariant).collect()
    }

    fn spoilt(status: TaskStatus, spoil: impl FnOnce(&mut TaskFacts)) -> Vec<Invariant> {
        let mut task = task(status);
        spoil(&mut task);
        broken(of_task(&task, DAY))
    }

    #[test]
    fn a_sound_task_keeps_all_of_them() {
        for status in TaskStatus::ALL {
            assert_eq!(spoilt(*status, |_| {}), []);
        }
    }

    #[test]
    fn every_way_to_charge_wrongly_is_found() {
        for charges in [(0, 0), (2, -200), (2, -100), (1, -99), (1, 100), (1, 0), (1, i64::MIN)] {
            let charges = Booked { times: charges.0, amount: charges.1 };
            assert_eq!(spoilt(TaskStatus::Queued, |task| task.charges = charges), [Invariant::TaskChargedOnce], "{charges:?}");
        }
    }

    #[test]
    fn every_way_to_refund_wrongly_is_found() {
        for refunds in [(0, 0), (2, 200), (1, 99), (1, 0)] {
            let refunds = Booked { times: refunds.0, amount: refunds.1 };
            for status in [TaskStatus::Failed, TaskStatus::Cancelled] {
                assert_eq!(spoilt(status, |task| task.refunds = refunds), [Invariant::TaskRefundedOnce], "{refunds:?}");
            }
        }
        let refunds = Booked { times: 1, amount: 100 };
        for status in [TaskStatus::Queued, TaskStatus::Processing, TaskStatus::Completed] {
            assert_eq!(spoilt(status, |task| task.refunds = refunds), [Invariant::RefundHasReason]);
        }
    }

    #[test]
    fn a_task_is_lost_when_it_does_not_end_or_ends_with_nothing() {
        assert_eq!(spoilt(TaskStatus::Completed, |task| task.has_result = false), [Invariant::CompletedHasResult]);
        let old = DAY + Duration::from_secs(1);
        assert_eq!(spoilt(TaskStatus::Processing, |task| task.age = old), [Invariant::TaskNotStuck]);
        assert_eq!(spoilt(TaskStatus::Processing, |task| task.age = DAY), []);
        assert_eq!(spoilt(TaskStatus::Cancelled, |task| task.age = old), []);
    }

    #[test]
    fn only_spending_needs_a_task() {
        let entry = |kind, has_task| {
            of_entry(&EntryFacts { id: 1, kind, amount: 0, balance_after: 0, balance_before: None, has_task })[1].1
        };
        assert_eq!(entry(LedgerKind::Consume, false), Broken);
        assert_eq!(entry(LedgerKind::Refund, false), Broken);
        assert_eq!(entry(LedgerKind::Refund, true), Kept);
        assert_eq!(entry(LedgerKind::Reward, false), Exempt);
    }

    proptest! {
        /// The two invariants that look at neighbours only say no more and no less than that the balance is the sum.
        #[test]
        fn neighbours_that_fit_are_a_sum_that_fits(amounts in prop::collection::vec(0..1_000_i64, 0..20), wrong in -3..3_i64, at in 0..20_usize) {
            let mut left = 0;
            let mut entries = Vec::new();
            for (id, amount) in (1..).zip(&amounts) {
                let balance_before = entries.last().map(|entry: &EntryFacts| entry.balance_after);
                left += amount;
                entries.push(EntryFacts { id, kind: LedgerKind::Reward, amount: *amount, balance_after: left, balance_before, has_task: false });
            }
            // A wrong amount in one place, or beyond the last place a wrong balance.
            let balance = if let Some(entry) = entries.get_mut(at) { entry.amount += wrong; left } else { left + wrong };
            let sum: i64 = entries.iter().map(|entry| entry.amount).sum();
            let account = AccountFacts {
                user_id: UserId::new(Uuid::from_u128(1)),
                balance,
                left_by_ledger: entries.last().map(|entry| entry.balance_after),
            };
            let found: Vec<_> = entries.iter().flat_map(of_entry).chain(of_account(&account)).collect();
            let of_sums = broken(found).into_iter().filter(|invariant| *invariant != Invariant::BalanceNotNegative).count();
            prop_assert_eq!(of_sums > 0, sum != balance);
        }
    }
}
