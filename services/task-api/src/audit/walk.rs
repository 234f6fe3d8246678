use std::time::Duration;

use zoetrope_domain::{TaskId, UserId};
use zoetrope_postgres::{Connection, DatabaseError};

use super::{report::Report, tally::Tally};
use crate::store::audit::{self, Ends};

/// How an audit judges and tells.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A task that has not ended after this long is stuck.
    pub stuck_after: Duration,
    /// Most ids that are told of one invariant.
    pub shown: usize,
}

/// An audit under way. Whoever drives it may pause between two pages for as long as they like.
#[derive(Debug)]
pub struct Walk {
    ends: Ends,
    /// The last rows that were judged.
    account: Option<UserId>,
    entry: Option<i64>,
    task: Option<TaskId>,
    tally: Tally,
}

impl Walk {
    pub async fn start(connection: &mut Connection, limits: Limits) -> Result<Self, DatabaseError> {
        Ok(Self { ends: audit::ends(connection).await?, account: None, entry: None, task: None, tally: Tally::new(limits) })
    }

    /// Judges the next page; false when there is none left.
    pub async fn step(&mut self, connection: &mut Connection) -> Result<bool, DatabaseError> {
        if self.ends.account != self.account {
            let page = audit::accounts(connection, self.account, self.ends.account).await?;
            page.iter().for_each(|account| self.tally.account(account));
            // A page may come up empty although the end was not met: rows can be deleted by hand.
            self.account = page.last().map_or(self.ends.account, |account| Some(account.user_id));
        } else if self.ends.entry != self.entry {
            let page = audit::entries(connection, self.entry, self.ends.entry).await?;
            page.iter().for_each(|entry| self.tally.entry(entry));
            self.entry = page.last().map_or(self.ends.entry, |entry| Some(entry.id));
        } else if self.ends.task != self.task {
            let page = audit::tasks(connection, self.task, self.ends.task).await?;
            page.iter().for_each(|task| self.tally.task(task));
            self.task = page.last().map_or(self.ends.task, |task| Some(task.id));
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Accounts, entries and tasks judged so far.
    pub fn met(&self) -> [u64; 3] {
        self.tally.met()
    }

    pub fn report(self) -> Report {
        self.tally.report()
    }
}
