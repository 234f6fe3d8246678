//! The verdict: what the platform owes to its users and to the provider, held against what was found. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    arena,
    hearing::Ending,
    journal::{Accepted, Counts, Wrong},
};

/// Everything that was found after the storm. Tasks go by their id, without prefix.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// What the clients were promised.
    pub accepted: BTreeMap<String, Accepted>,
    /// What they saw go wrong.
    pub wrongs: BTreeMap<Wrong, Vec<String>>,
    pub counts: Counts,
    pub tasks: BTreeMap<String, StoredTask>,
    /// Accounts by user.
    pub accounts: BTreeMap<String, Account>,
    /// How often the provider accepted each idempotency key.
    pub submissions: BTreeMap<String, u32>,
    /// What the platform's own audit complains of.
    pub own_audit: Vec<String>,
    /// Completed tasks whose file is not there, or not whole.
    pub files_missing: Vec<String>,
    /// Cancelled tasks, or none that anybody knows, of which files are left.
    pub files_left: Vec<String>,
    /// Failed tasks of which files are left.
    pub files_of_failures: Vec<String>,
    pub open_jobs: i64,
    pub waiting_messages: i64,
    /// Dead letters by queue.
    pub dead_letters: Vec<(String, u64)>,
    pub panics: Vec<String>,
    pub error_lines: usize,
}

/// A row of the tasks' table with what the ledger says of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredTask {
    pub status: String,
    pub error_code: Option<String>,
    pub price: i64,
    pub charges: Vec<i64>,
    pub refunds: Vec<i64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    pub balance: i64,
    /// Sum of the ledger.
    pub ledger: i64,
    /// Price of all that was completed.
    pub owed: i64,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub what: String,
    pub count: u64,
    /// The breaches; `None` for what is merely told.
    pub breaches: Option<Vec<String>>,
}

/// What the run has proved, or failed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub rows: Vec<Row>,
}

impl Row {
    fn tally(what: impl Into<String>, count: u64) -> Self {
        Self { what: what.into(), count, breaches: None }
    }

    fn check(what: &str, breaches: impl IntoIterator<Item = String>) -> Self {
        let breaches: Vec<String> = breaches.into_iter().collect();
        Self { what: what.to_owned(), count: breaches.len() as u64, breaches: Some(breaches) }
    }

    pub fn is_breached(&self) -> bool {
        self.breaches.as_ref().is_some_and(|breaches| !breaches.is_empty())
    }
}

impl Verdict {
    pub fn is_breached(&self) -> bool {
        self.rows.iter().any(Row::is_breached)
    }
}

/// Judges.
pub fn judge(facts: &Facts) -> Verdict {
    let wrong = |wrong: Wrong| facts.wrongs.get(&wrong).cloned().unwrap_or_default();
    let mut rows = tallies(facts);
    rows.extend([
        Row::check("lost", lost(facts)),
        Row::check("never told to their user", untold(facts)),
        Row::check("two tasks for one key", wrong(Wrong::TwoTasks)),
        Row::check("submitted twice", submitted_twice(facts)),
        Row::check("submitted without a task, or completed without submission", submitted_wrongly(facts)),
        Row::check("not charged exactly once", tasks(facts, |task| task.charges != [-task.price])),
        Row::check("refunded twice, wrongly or not at all", tasks(facts, |task| task.refunds != refunds_due(task))),
        Row::check("balances ≠ ledgers", balances(facts)),
        Row::check("the platform's own audit", facts.own_audit.clone()),
        Row::check("cancellations that did not hold", wrong(Wrong::BrokenCancel).into_iter().chain(broken_cancels(facts))),
        Row::check("heard, but not shown by GET", wrong(Wrong::HeardNotShown).into_iter().chain(heard_another_end(facts))),
        Row::check("ran backwards", wrong(Wrong::RanBackwards)),
        Row::check("ends that a subscriber never learnt", unlearnt(facts)),
        Row::check("completed without a whole file", facts.files_missing.clone()),
        Row::check("files of cancelled tasks", facts.files_left.clone()),
        Row::check("files of failed tasks", facts.files_of_failures.clone()),
        Row::check("jobs that never end", some(facts.open_jobs, "jobs are open")),
        Row::check("messages that never leave", some(facts.waiting_messages, "messages are in the outboxes")),
        Row::check(
            "dead letters",
            facts.dead_letters.iter().filter(|(_, letters)| *letters > 0).map(|(queue, letters)| format!("{letters} in {queue}")),
        ),
        Row::check("answers that no disaster excuses", wrong(Wrong::BadAnswer)),
        Row::check("processes that ended by themselves", wrong(Wrong::Process)),
        Row::check("panics", facts.panics.clone()),
        Row::check("not put to the test", wrong(Wrong::Untried).into_iter().chain(untested(facts))),
    ]);
    Verdict { rows }
}

fn tallies(facts: &Facts) -> Vec<Row> {
    let mut endings: BTreeMap<String, u64> = BTreeMap::new();
    for task in facts.tasks.values() {
        let code = task.error_code.as_ref().map(|code| format!(": {code}")).unwrap_or_default();
        *endings.entry(format!("  {}{code}", task.status)).or_default() += 1;
    }
    let counts = facts.counts;
    let mut rows = vec![Row::tally("tasks accepted", facts.accepted.len() as u64)];
    rows.extend(endings.into_iter().map(|(what, count)| Row::tally(what, count)));
    rows.extend([
        Row::tally("submissions that the provider accepted", facts.submissions.values().map(|times| u64::from(*times)).sum()),
        Row::tally("cancellations answered", counts.cancels),
        Row::tally("states heard and looked up", counts.heard),
        Row::tally("connections of subscribers", counts.connections),
        Row::tally("  that resumed", counts.resumed),
        Row::tally("messages delivered again", counts.repeated),
        Row::tally("requests that had to be repeated", counts.unanswered),
        Row::tally("lines of log at level error", facts.error_lines as u64),
    ]);
    rows
}

fn tasks<'a>(facts: &'a Facts, is_wrong: impl Fn(&StoredTask) -> bool + 'a) -> impl Iterator<Item = String> + 'a {
    let wrong = facts.tasks.iter().filter(move |(_, task)| is_wrong(task));
    wrong.map(|(id, task)| {
        format!("{id}: {} at {}, charges {:?}, refunds {:?}", task.status, task.price, task.charges, task.refunds)
    })
}

/// Accepted tasks must exist and end.
fn lost(facts: &Facts) -> impl Iterator<Item = String> {
    facts.accepted.keys().filter_map(|id| match facts.tasks.get(id) {
        None => Some(format!("{id}: there is no such task")),
        Some(task) if Ending::parse(&task.status).is_none() => Some(format!("{id}: {}", task.status)),
        Some(_) => None,
    })
}

/// Who insisted on an answer must have got one; a task of which nobody knows was charged for nothing.
fn untold(facts: &Facts) -> impl Iterator<Item = String> {
    let given_up = facts.counts.given_up;
    let unknown = facts.tasks.keys().filter(|id| !facts.accepted.contains_key(*id)).cloned();
    unknown.chain((given_up > 0).then(|| format!("{given_up} creations were never answered")))
}

fn submitted_twice(facts: &Facts) -> impl Iterator<Item = String> {
    facts.submissions.iter().filter(|(_, times)| **times > 1).map(|(id, times)| format!("{id}: {times} times"))
}

fn submitted_wrongly(facts: &Facts) -> impl Iterator<Item = String> {
    let strangers = facts.submissions.keys().filter(|id| !facts.tasks.contains_key(*id)).map(|id| format!("{id}: no such task"));
    let done = facts.tasks.iter().filter(|(_, task)| Ending::parse(&task.status) == Some(Ending::Completed));
    let from_nothing =
        done.filter(|(id, _)| !facts.submissions.contains_key(*id)).map(|(id, _)| format!("{id}: never submitted"));
    strangers.chain(from_nothing)
}

fn refunds_due(task: &StoredTask) -> Vec<i64> {
    match Ending::parse(&task.status) {
        Some(Ending::Failed | Ending::Cancelled) => vec![task.price],
        Some(Ending::Completed) | None => vec![],
    }
}

fn balances(facts: &Facts) -> impl Iterator<Item = String> {
    let wrong = facts.accounts.iter().filter(|(_, account)| {
        account.balance != account.ledger || account.balance < 0 || account.balance != arena::GRANT - account.owed
    });
    wrong.map(|(user, account)| {
        let Account { balance, ledger, owed } = account;
        format!("{user}: has {balance}, the ledger says {ledger}, {} is due", arena::GRANT - owed)
    })
}

fn ends<'a>(facts: &'a Facts, id: &str) -> Option<&'a str> {
    facts.tasks.get(id).map(|task| task.status.as_str())
}

fn broken_cancels(facts: &Facts) -> impl Iterator<Item = String> {
    facts.accepted.iter().filter_map(|(id, accepted)| {
        let status = ends(facts, id)?;
        let is_cancelled = status == Ending::Cancelled.as_str();
        if accepted.cancelled && !is_cancelled {
            Some(format!("{id}: cancelled, and then {status}"))
        } else if accepted.too_late_to_cancel && is_cancelled {
            Some(format!("{id}: too late to cancel, and then cancelled"))
        } else {
            None
        }
    })
}

fn heard_another_end(facts: &Facts) -> impl Iterator<Item = String> {
    facts.accepted.iter().filter_map(|(id, accepted)| {
        let (heard, status) = (accepted.learnt?.as_str(), ends(facts, id)?);
        (status != heard).then(|| format!("{id}: heard that it is {heard}, and it is {status}"))
    })
}

fn unlearnt(facts: &Facts) -> impl Iterator<Item = String> {
    let deaf = facts.accepted.iter().filter(|(_, accepted)| accepted.learnt.is_none());
    deaf.map(|(id, _)| format!("{id}: {}", ends(facts, id).unwrap_or("missing")))
}

fn some(count: i64, what: &str) -> Option<String> {
    (count != 0).then(|| format!("{count} {what}"))
}

/// A run in which nothing happened proves nothing.
fn untested(facts: &Facts) -> impl Iterator<Item = String> {
    let statuses: BTreeSet<&str> = facts.tasks.values().map(|task| task.status.as_str()).collect();
    let endings = [Ending::Completed, Ending::Failed, Ending::Cancelled]
        .map(|ending| (ending.as_str(), statuses.contains(ending.as_str())));
    let Counts { heard, cancels, repeated, unanswered, connections, resumed, .. } = facts.counts;
    let happened = [
        ("heard", heard > 0),
        ("cancelled by its user", cancels > 0),
        ("delivered again", repeated > 0),
        ("repeated by a client", unanswered > 0),
        ("reconnected", connections > 0),
        ("resumed", resumed > 0),
        ("submitted", !facts.submissions.is_empty()),
    ];
    endings.into_iter().chain(happened).filter(|(_, happened)| !happened).map(|(what, _)| format!("nothing was {what}"))
}

#[cfg(test)]
mod tests;
