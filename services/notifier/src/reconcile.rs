//! The sweep that finds what the live queue lost.
//!
//! A replica's own queue dies with its connection to the broker, and what is published until the next one exists never reaches it. The
//! shared queue loses nothing, so the table knows: after each reconnect, and steadily in between, the followed tasks that can still
//! change are compared with it. A client hears of a lost update within one sweep.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use zoetrope_domain::{TaskId, UserId};
use zoetrope_postgres::{Database, DatabaseError};

use crate::{
    hub::Hub,
    metrics,
    outage::Outage,
    store::task_states,
    task::{TaskSnapshot, Update},
};

/// Tasks, or users, that one query asks for.
const CHUNK: usize = 1000;
/// How far a sweep looks back behind the one before. It covers clocks that differ and rows that come late; what is read twice is told
/// once.
const OVERLAP: TimeDelta = TimeDelta::seconds(60);

/// Compares what connections were told with the table.
pub struct Sweep {
    pub hub: Arc<Hub>,
    pub database: Database,
    /// Time between two sweeps.
    pub every: Duration,
    /// Asks for one at once.
    pub wanted: Arc<Notify>,
}

impl Sweep {
    /// Sweeps until the process stops.
    pub async fn run(self, stopping: CancellationToken) -> anyhow::Result<()> {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut outage = Outage::new("compare what was told with the table");
        let mut swept = Utc::now();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                _ = ticks.tick() => {}
                () = self.wanted.notified() => {}
            }
            let started = Utc::now();
            let (tasks, users) = (self.hub.running_tasks(), self.hub.followed_users());
            if tasks.is_empty() && users.is_empty() {
                swept = started;
                continue;
            }
            match self.sweep(&tasks, &users, swept - OVERLAP).await {
                Ok(()) => {
                    swept = started;
                    outage.worked();
                }
                // The next one looks back to the last that went well.
                Err(error) => outage.failed(&error),
            }
        }
    }

    async fn sweep(&self, tasks: &[(TaskId, u64)], users: &[UserId], since: DateTime<Utc>) -> Result<(), DatabaseError> {
        let mut connection = self.database.connection().await?;
        for tasks in tasks.chunks(CHUNK) {
            self.tell(task_states::newer_than(&mut connection, tasks).await?);
        }
        for users in users.chunks(CHUNK) {
            self.tell(task_states::changed_since(&mut connection, users, since).await?);
        }
        Ok(())
    }

    fn tell(&self, tasks: Vec<TaskSnapshot>) {
        for task in tasks {
            if self.hub.publish(&Arc::new(Update::new(task, None))) {
                metrics::reconciled();
            }
        }
    }
}
