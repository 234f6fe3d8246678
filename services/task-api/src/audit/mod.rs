//! The invariants of tasks and credits, checked on a live database.
//!
//! | part | does |
//! |---|---|
//! | [`facts`] | what is read of an account, a ledger entry or a task |
//! | [`invariant`] | what must hold of them. Pure |
//! | [`walk`] | goes through all of them, page by page |
//! | [`report`] | what was found |
//! | [`command`] | `task-api audit`, for operators and tests |
//! | [`auditor`] | the same in the background, for alerts |
//!
//! Accounts, entries and tasks are read in pages by their primary keys, each page in one statement. A statement sees one snapshot, and an
//! account changes with its ledger, a task with its entries, in one transaction; so each page is judged as of one moment although
//! everything goes on meanwhile, and nobody is kept waiting. A row that is there throughout is met: its key never changes. What is added
//! after the start is left to the next audit, or the walk might never end.
//!
//! No statement grows with the size of a table, or with the ledger of one account: that a balance is the sum of its ledger follows from two
//! invariants which look at neighbours only. Each entry leaves what the one before it left plus its own amount, and the balance is what the
//! newest entry left.
//!
//! An audit reports; it never mends anything.

mod age;
mod auditor;
mod command;
mod facts;
mod figures;
mod invariant;
mod report;
mod table;
mod tally;
mod walk;

pub use auditor::Auditor;
pub use command::{AuditArgs, run};
pub use facts::{AccountFacts, Booked, EntryFacts, TaskFacts};
pub use report::Report;
