use std::{collections::BTreeMap, time::Instant};

use chrono::{DateTime, Utc};
use zoetrope_domain::{LedgerKind, TaskStatus};

use super::{
    facts::{AccountFacts, EntryFacts, TaskFacts},
    invariant::{self, Invariant, Verdict},
    report::{Finding, Report, Totals},
    walk::Limits,
};

/// Counts what is met on the way.
#[derive(Debug)]
pub struct Tally {
    limits: Limits,
    started: Instant,
    started_at: DateTime<Utc>,
    findings: [Count; Invariant::ALL.len()],
    tasks: BTreeMap<&'static str, u64>,
    totals: Totals,
}

#[derive(Debug, Default, Clone)]
struct Count {
    checked: u64,
    breaches: u64,
    first: Vec<String>,
}

impl Tally {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            started: Instant::now(),
            started_at: Utc::now(),
            findings: Default::default(),
            // A status without tasks is told as well, or a metric would keep the last number that was not zero.
            tasks: TaskStatus::ALL.iter().map(|status| (status.as_str(), 0)).collect(),
            totals: Totals::default(),
        }
    }

    pub fn account(&mut self, account: &AccountFacts) {
        self.totals.accounts += 1;
        self.judge(invariant::of_account(account), || account.user_id.to_string());
    }

    pub fn entry(&mut self, entry: &EntryFacts) {
        self.totals.entries += 1;
        match entry.kind {
            LedgerKind::Recharge | LedgerKind::Reward => add(&mut self.totals.granted, entry.amount),
            LedgerKind::Consume => add(&mut self.totals.spent, entry.amount.saturating_neg()),
            LedgerKind::Refund => add(&mut self.totals.refunded, entry.amount),
        }
        self.judge(invariant::of_entry(entry), || entry.id.to_string());
    }

    pub fn task(&mut self, task: &TaskFacts) {
        *self.tasks.entry(task.status.as_str()).or_default() += 1;
        self.judge(invariant::of_task(task, self.limits.stuck_after), || task.id.to_string());
    }

    fn judge<const N: usize>(&mut self, verdicts: [(Invariant, Verdict); N], id: impl Fn() -> String) {
        for (invariant, verdict) in verdicts {
            let count = &mut self.findings[invariant as usize];
            count.checked += u64::from(verdict != Verdict::Exempt);
            if verdict == Verdict::Broken {
                count.breaches += 1;
                if count.first.len() < self.limits.shown {
                    count.first.push(id());
                }
            }
        }
    }

    /// Rows that were met so far: accounts, entries and tasks.
    pub fn met(&self) -> [u64; 3] {
        [self.totals.accounts, self.totals.entries, self.tasks.values().sum()]
    }

    pub fn report(self) -> Report {
        let invariants = Invariant::ALL
            .into_iter()
            .zip(self.findings)
            .map(|(invariant, count)| Finding {
                name: invariant.as_str().to_owned(),
                sentence: invariant.sentence().to_owned(),
                checked: count.checked,
                breaches: count.breaches,
                first: count.first,
            })
            .collect::<Vec<_>>();
        Report {
            sound: invariants.iter().all(|finding| finding.breaches == 0),
            started_at: self.started_at,
            seconds: self.started.elapsed().as_secs_f64(),
            invariants,
            tasks: self.tasks.into_iter().map(|(status, count)| (status.to_owned(), count)).collect(),
            totals: self.totals,
        }
    }
}

/// A sum beyond what credits can be is a broken database, of which the invariants tell.
fn add(sum: &mut i64, amount: i64) {
    *sum = sum.saturating_add(amount);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn breaches_are_counted_and_the_first_are_named() {
        let mut tally = Tally::new(Limits { stuck_after: Duration::from_secs(1), shown: 2 });
        for id in 1..=5 {
            let balance_after = if id == 1 { 10 } else { 7 };
            tally.entry(&EntryFacts {
                id,
                kind: LedgerKind::Reward,
                amount: 10,
                balance_after,
                balance_before: None,
                has_task: false,
            });
        }
        let report = tally.report();
        let finding = |invariant: Invariant| &report.invariants[invariant as usize];
        let adds_up = finding(Invariant::LedgerAddsUp);
        assert_eq!((adds_up.checked, adds_up.breaches, &adds_up.first[..]), (5, 4, &["2".to_owned(), "3".to_owned()][..]));
        assert_eq!(finding(Invariant::EntryHasTask).checked, 0, "a reward needs no task");
        assert_eq!((report.sound, report.broken(), report.totals.granted), (false, 1, 50));
    }

    #[test]
    fn an_invariant_is_found_under_its_own_name() {
        let report = Tally::new(Limits { stuck_after: Duration::ZERO, shown: 0 }).report();
        for invariant in Invariant::ALL {
            assert_eq!(report.invariants[invariant as usize].name, invariant.as_str());
        }
        assert!(report.sound && report.tasks.values().all(|count| *count == 0));
    }
}
