use super::*;

const TASK: &str = "0198c0de-0000-7000-8000-000000000001";
const FAILED: &str = "0198c0de-0000-7000-8000-000000000002";
const CANCELLED: &str = "0198c0de-0000-7000-8000-000000000003";
const PRICE: i64 = arena::PRICE;

fn stored(status: &str, refunds: &[i64]) -> StoredTask {
    let error_code = (status == "failed").then(|| "GENERATION_FAILED".to_owned());
    StoredTask { status: status.to_owned(), error_code, price: PRICE, charges: vec![-PRICE], refunds: refunds.to_vec() }
}

fn learnt(ending: Ending) -> Accepted {
    Accepted { cancelled: ending == Ending::Cancelled, learnt: Some(ending), ..Accepted::default() }
}

/// A run in which everything went as it must.
fn sound() -> Facts {
    let balance = arena::GRANT - PRICE;
    let facts = Facts {
        accepted: [(TASK, Ending::Completed), (FAILED, Ending::Failed), (CANCELLED, Ending::Cancelled)]
            .map(|(id, ending)| (id.to_owned(), learnt(ending)))
            .into(),
        tasks: [
            (TASK, stored("completed", &[])),
            (FAILED, stored("failed", &[PRICE])),
            (CANCELLED, stored("cancelled", &[PRICE])),
        ]
        .map(|(id, task)| (id.to_owned(), task))
        .into(),
        accounts: [("ann".to_owned(), Account { balance, ledger: balance, owed: PRICE })].into(),
        submissions: [(TASK.to_owned(), 1), (FAILED.to_owned(), 1)].into(),
        counts: Counts { heard: 9, connections: 3, resumed: 1, cancels: 1, repeated: 9, unanswered: 1, ..Counts::default() },
        dead_letters: vec![("poller.commands.dead".to_owned(), 0)],
        ..Facts::default()
    };
    assert_eq!(breached(&facts), Vec::<String>::new());
    facts
}

/// The names of the rows that are breached.
fn breached(facts: &Facts) -> Vec<String> {
    judge(facts).rows.into_iter().filter(Row::is_breached).map(|row| row.what).collect()
}

#[track_caller]
fn breaks(change: impl FnOnce(&mut Facts), rows: &[&str]) {
    let mut facts = sound();
    change(&mut facts);
    assert_eq!(breached(&facts), rows);
}

fn task<'a>(facts: &'a mut Facts, id: &str) -> &'a mut StoredTask {
    facts.tasks.get_mut(id).unwrap()
}

fn promise<'a>(facts: &'a mut Facts, id: &str) -> &'a mut Accepted {
    facts.accepted.get_mut(id).unwrap()
}

#[test]
fn endings_are_told_with_their_reasons() {
    let rows = judge(&sound()).rows;
    let count = |what: &str| rows.iter().find(|row| row.what.trim() == what).map(|row| row.count);
    assert_eq!((count("tasks accepted"), count("completed"), count("failed: GENERATION_FAILED")), (Some(3), Some(1), Some(1)));
}

#[test]
fn a_task_that_does_not_end_or_is_not_there_is_lost() {
    breaks(
        |facts| task(facts, FAILED).status = "processing".to_owned(),
        &["lost", "refunded twice, wrongly or not at all", "heard, but not shown by GET", "not put to the test"],
    );
    breaks(|facts| facts.tasks.retain(|id, _| id != CANCELLED), &["lost", "not put to the test"]);
}

#[test]
fn nobody_pays_for_what_nobody_was_told() {
    breaks(|facts| facts.accepted.retain(|id, _| id != TASK), &["never told to their user"]);
    breaks(|facts| facts.counts.given_up = 1, &["never told to their user"]);
}

#[test]
fn a_provider_gets_one_submission_of_what_exists() {
    breaks(|facts| facts.submissions.extend([(FAILED.to_owned(), 2)]), &["submitted twice"]);
    let wrongly = ["submitted without a task, or completed without submission"];
    breaks(|facts| facts.submissions.extend([("stranger".to_owned(), 1)]), &wrongly);
    breaks(|facts| facts.submissions.retain(|id, _| id != TASK), &wrongly);
}

#[test]
fn the_ledger_is_exact() {
    for charges in [vec![], vec![-PRICE, -PRICE], vec![-1]] {
        breaks(|facts| task(facts, TASK).charges = charges, &["not charged exactly once"]);
    }
    let refunds = ["refunded twice, wrongly or not at all"];
    for wrong in [vec![], vec![PRICE, PRICE], vec![1]] {
        breaks(|facts| task(facts, CANCELLED).refunds = wrong, &refunds);
    }
    breaks(|facts| task(facts, TASK).refunds = vec![PRICE], &refunds);
}

#[test]
fn balances_are_what_the_ledger_and_the_tasks_say() {
    let account = |balance, ledger, owed| {
        move |facts: &mut Facts| facts.accounts.extend([("bob".to_owned(), Account { balance, ledger, owed })])
    };
    breaks(account(7, 8, arena::GRANT - 7), &["balances ≠ ledgers"]);
    breaks(account(7, 7, arena::GRANT - 8), &["balances ≠ ledgers"]);
    breaks(account(-1, -1, arena::GRANT + 1), &["balances ≠ ledgers"]);
}

#[test]
fn what_clients_heard_holds() {
    breaks(|facts| promise(facts, TASK).cancelled = true, &["cancellations that did not hold"]);
    breaks(|facts| promise(facts, CANCELLED).too_late_to_cancel = true, &["cancellations that did not hold"]);
    breaks(|facts| promise(facts, TASK).learnt = Some(Ending::Failed), &["heard, but not shown by GET"]);
    breaks(|facts| promise(facts, TASK).learnt = None, &["ends that a subscriber never learnt"]);
    for (wrong, row) in [
        (Wrong::HeardNotShown, "heard, but not shown by GET"),
        (Wrong::RanBackwards, "ran backwards"),
        (Wrong::BadAnswer, "answers that no disaster excuses"),
        (Wrong::TwoTasks, "two tasks for one key"),
        (Wrong::BrokenCancel, "cancellations that did not hold"),
        (Wrong::Process, "processes that ended by themselves"),
        (Wrong::Untried, "not put to the test"),
    ] {
        breaks(|facts| facts.wrongs.extend([(wrong, vec!["seen".to_owned()])]), &[row]);
    }
}

#[test]
fn nothing_is_left_behind() {
    breaks(|facts| facts.open_jobs = 1, &["jobs that never end"]);
    breaks(|facts| facts.waiting_messages = 1, &["messages that never leave"]);
    breaks(|facts| facts.dead_letters[0].1 = 1, &["dead letters"]);
    breaks(|facts| facts.files_left.push(FAILED.to_owned()), &["files of cancelled tasks"]);
    breaks(|facts| facts.files_of_failures.push(FAILED.to_owned()), &["files of failed tasks"]);
    breaks(|facts| facts.files_missing.push(TASK.to_owned()), &["completed without a whole file"]);
    breaks(|facts| facts.panics.push("panicked".to_owned()), &["panics"]);
    breaks(|facts| facts.own_audit.push("negative balances".to_owned()), &["the platform's own audit"]);
}

#[test]
fn a_run_in_which_nothing_happened_proves_nothing() {
    let untested = judge(&Facts::default()).rows.pop().unwrap();
    assert_eq!(untested.count, 10, "{untested:?}");
    breaks(|facts| facts.counts.repeated = 0, &["not put to the test"]);
}
