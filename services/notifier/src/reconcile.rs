//! The sweep that finds what the live queue lost.
//!
//! A replica's own queue dies with its connection to the broker, and what is published until the next one exists never reaches it. The
//! shared queue loses nothing, so the table knows: after each reconnect, and steadily in between, the feeds that are followed here are read on
//! from where the hub is. A client hears of a lost update within one sweep.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use zoetrope_domain::{FeedPosition, UserId};
use zoetrope_postgres::{Database, DatabaseError};

use crate::{
    hub::Hub,
    metrics,
    outage::Outage,
    store::reading::{self, Page},
    task::Update,
};

/// Users that one query asks for.
const CHUNK: usize = 1000;

/// Reads on in the feeds that are followed.
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
        let mut outage = Outage::new("read on in the feeds that are followed");
        loop {
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                _ = ticks.tick() => {}
                () = self.wanted.notified() => {}
            }
            let followed = self.hub.followed();
            if followed.is_empty() {
                continue;
            }
            match self.sweep(followed).await {
                Ok(()) => outage.worked(),
                Err(error) => outage.failed(&error),
            }
        }
    }

    async fn sweep(&self, followed: Vec<(UserId, FeedPosition)>) -> Result<(), DatabaseError> {
        for users in followed.chunks(CHUNK) {
            let mut users = users.to_vec();
            while !users.is_empty() {
                // Borrowed for one query at a time.
                let pages = reading::beyond(&mut *self.database.connection().await?, &users).await?;
                users = pages.into_iter().filter_map(|(user, page)| Some((user, self.tell(user, page)?))).collect();
            }
        }
        Ok(())
    }

    /// Returns where to read on, if there is more.
    fn tell(&self, user: UserId, page: Page) -> Option<FeedPosition> {
        for task in page.states {
            if self.hub.publish(&Arc::new(Update::new(task, None))) {
                metrics::reconciled();
            }
        }
        let frontier = page.place.frontier;
        self.hub.caught_up(user, page.ends_at.map_or(frontier, |end| end.min(frontier)));
        page.ends_at
    }
}
