use std::{ops::Range, time::Duration};

use rand::{RngExt, rngs::StdRng};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    Chronicle, Plan,
    journal::{Journal, Wrong},
};

/// What all actors of a run share.
#[derive(Debug)]
pub struct Stage<'a> {
    pub plan: &'a Plan,
    pub chronicle: &'a Chronicle,
    pub journal: Journal,
    /// Everything is well again: no new tasks, no new faults.
    pub calm: CancellationToken,
    /// The platform has settled, or has had its time: the clients go home.
    pub over: CancellationToken,
    start: Instant,
}

/// When not everything has broken once after so many times the planned length, the machine is hopelessly slow or the platform dead.
const LONGEST: u32 = 3;
const GRACE: Duration = Duration::from_secs(180);

impl<'a> Stage<'a> {
    pub fn new(plan: &'a Plan, chronicle: &'a Chronicle) -> Self {
        Self {
            plan,
            chronicle,
            journal: Journal::default(),
            calm: CancellationToken::new(),
            over: CancellationToken::new(),
            start: Instant::now(),
        }
    }

    /// Whether things go on breaking, for somebody whose every kind has come or not.
    pub fn storm_lasts(&self, each_has_come: bool) -> bool {
        let elapsed = self.start.elapsed();
        elapsed < self.plan.load || (!each_has_come && elapsed < self.plan.load * LONGEST + GRACE)
    }

    /// Notes when somebody's turn is over before every kind has come.
    pub fn note_untried(&self, who: &str, each_has_come: bool) {
        if !each_has_come {
            self.journal.complain(Wrong::Untried, format!("not every kind of {who} came"));
        }
    }

    /// Seconds by chance.
    pub fn seconds(dice: &mut StdRng, range: Range<f64>) -> Duration {
        Duration::from_secs_f64(dice.random_range(range))
    }

    pub async fn rest(dice: &mut StdRng, range: Range<f64>) {
        sleep(Self::seconds(dice, range)).await;
    }
}
