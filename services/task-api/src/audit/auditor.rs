//! The audit in the background: now and then, slowly, by one replica at a time.
//!
//! Whose turn it is stands in the table `audits`, as a lease in the database's time, like any other work that replicas share: one that dies
//! costs a minute, no connection is kept for the sake of a lock, and a lease that was lost is noticed. What was found stands there, too, so
//! that every replica shows the same figures and none shows old ones.

use std::{error::Error, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zoetrope_postgres::{Database, DatabaseError};

use super::{
    figures,
    report::Report,
    walk::{Limits, Walk},
};
use crate::{settings::AuditSettings, store::audits};

/// Longest time between two looks whether an audit is due, or another replica has made one.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// How long a lease lasts without being renewed. Longer than a statement may take.
const LEASE: Duration = Duration::from_secs(60);
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// Ids of breaches that the log names; `task-api audit` tells more.
const NAMED: usize = 5;

pub struct Auditor {
    database: Database,
    settings: AuditSettings,
    /// An outage is logged once.
    failing: bool,
}

impl Auditor {
    pub fn new(database: Database, settings: AuditSettings) -> Self {
        Self { database, settings, failing: false }
    }

    /// Audits until the process stops. What is then under way is left to another replica.
    pub async fn run(mut self, stopping: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = interval(LOOK_EVERY.min(self.settings.interval()));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let audits = async {
            loop {
                ticks.tick().await;
                match self.look().await {
                    Ok(()) => self.failing = false,
                    Err(error) if !self.failing => {
                        tracing::warn!(error = &error as &dyn Error, "cannot audit for now");
                        self.failing = true;
                    }
                    Err(_) => {}
                }
            }
        };
        stopping.run_until_cancelled(audits).await;
        Ok(())
    }

    /// Makes an audit if one is due, and shows the last.
    async fn look(&self) -> Result<(), DatabaseError> {
        let token = Uuid::new_v4();
        let due = audits::begin(&mut *self.database.connection().await?, token, LEASE, self.settings.interval()).await?;
        if due && let Some(report) = self.audit(token).await? {
            audits::finish(&mut *self.database.connection().await?, token, &report).await?;
            announce(&report);
        }
        if let Some(report) = audits::last(&mut *self.database.connection().await?).await? {
            figures::show(&report);
        }
        Ok(())
    }

    /// None if the lease was lost on the way.
    async fn audit(&self, token: Uuid) -> Result<Option<Report>, DatabaseError> {
        let limits = Limits { stuck_after: self.settings.stuck_after(), shown: NAMED };
        let mut walk = Walk::start(&mut *self.database.connection().await?, limits).await?;
        let mut renewed = Instant::now();
        // The connection is borrowed for one page at a time: requests need it more.
        while walk.step(&mut *self.database.connection().await?).await? {
            sleep(self.settings.pause()).await;
            if renewed.elapsed() >= RENEW_EVERY {
                if !audits::renew(&mut *self.database.connection().await?, token, LEASE).await? {
                    return Ok(None);
                }
                renewed = Instant::now();
            }
        }
        Ok(Some(walk.report()))
    }
}

fn announce(report: &Report) {
    for finding in report.invariants.iter().filter(|finding| finding.breaches > 0) {
        let (invariant, breaches, ids) = (finding.name.as_str(), finding.breaches, finding.first.join(", "));
        tracing::error!(invariant, breaches, ids, "an invariant is broken: {}", finding.sentence);
    }
    tracing::info!(sound = report.sound, tasks = report.task_count(), seconds = report.seconds, "audited");
}
