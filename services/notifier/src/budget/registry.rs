use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use zoetrope_limits::Subject;

use super::{Bucket, Rate, Throttle};

/// Subjects that are remembered before those are looked for that can be forgotten.
const LEAST_REMEMBERED: usize = 1024;

/// How much clients may ask for.
#[derive(Debug, Clone, Copy)]
pub struct BudgetLimits {
    pub connection: Rate,
    /// All connections of one user together.
    pub user: Rate,
    /// All connections from one address on which nobody has signed in.
    pub address: Rate,
    /// How long a connection may go on wanting more than it gets.
    pub patience: Duration,
}

/// The budgets of this process.
pub struct Budgets {
    pub(super) limits: BudgetLimits,
    shared: Mutex<Remembered>,
}

struct Remembered {
    budgets: HashMap<Subject, Arc<SharedBudget>>,
    /// As many as there may be before some are forgotten.
    most: usize,
}

/// What the connections of one user, or from one address, may ask for together.
#[derive(Debug)]
pub struct SharedBudget(Mutex<Bucket>);

impl Budgets {
    pub fn new(limits: BudgetLimits) -> Arc<Self> {
        let shared = Remembered { budgets: HashMap::new(), most: LEAST_REMEMBERED };
        Arc::new(Self { limits, shared: Mutex::new(shared) })
    }

    /// For the parts of a connection's messages, which are no requests.
    pub fn of_parts(&self, now: Instant) -> Throttle {
        Throttle::new(self.limits.connection, self.limits.patience, now)
    }

    /// The same for all who ask while it is used, and until it is full again.
    pub fn shared(&self, subject: Subject, now: Instant) -> Arc<SharedBudget> {
        let rate = match subject {
            Subject::User(_) => self.limits.user,
            Subject::Address(_) => self.limits.address,
        };
        let mut shared = lock(&self.shared);
        if shared.budgets.len() >= shared.most {
            shared.budgets.retain(|_, budget| Arc::strong_count(budget) > 1 || !lock(&budget.0).is_full(now));
            // So that each look at all of them is paid for by as many new ones.
            shared.most = LEAST_REMEMBERED.max(2 * shared.budgets.len());
        }
        let new = || Arc::new(SharedBudget(Mutex::new(Bucket::full(rate, now))));
        Arc::clone(shared.budgets.entry(subject).or_insert_with(new))
    }
}

impl SharedBudget {
    pub fn take(&self, units: u32, now: Instant) {
        lock(&self.0).take(units, now);
    }

    /// When there is something in it again; none: now.
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        lock(&self.0).ready_at(now)
    }

    pub fn is_deep_in_debt(&self, now: Instant) -> bool {
        lock(&self.0).is_deep_in_debt(now)
    }
}

/// No lock is held where code can panic half way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::fixtures::user_id;

    fn budgets() -> Arc<Budgets> {
        let rate = |burst| Rate::new(NonZeroU32::new(burst).unwrap(), NonZeroU32::MIN);
        Budgets::new(BudgetLimits { connection: rate(1), user: rate(10), address: rate(5), patience: Duration::from_secs(1) })
    }

    #[test]
    fn what_one_has_used_is_gone_for_all_of_a_user() {
        let (budgets, now) = (budgets(), Instant::now());
        budgets.shared(Subject::User(user_id(1)), now).take(11, now);
        assert!(budgets.shared(Subject::User(user_id(1)), now).ready_at(now).is_some());
        assert!(budgets.shared(Subject::User(user_id(2)), now).ready_at(now).is_none());
    }

    #[test]
    fn only_what_is_full_and_unused_is_forgotten() {
        let (budgets, now) = (budgets(), Instant::now());
        let used = budgets.shared(Subject::User(user_id(1)), now);
        budgets.shared(Subject::User(user_id(2)), now).take(11, now);
        for user in 3..=10_000 {
            budgets.shared(Subject::User(user_id(user)), now);
        }
        assert!(lock(&budgets.shared).budgets.len() <= 2 * LEAST_REMEMBERED);
        used.take(11, now);
        for user in [1, 2] {
            assert!(budgets.shared(Subject::User(user_id(user)), now).ready_at(now).is_some(), "{user}");
        }
    }
}
