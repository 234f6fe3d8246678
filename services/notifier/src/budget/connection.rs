use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use zoetrope_domain::UserId;
use zoetrope_limits::Subject;

use super::{Budgets, Throttle, registry::SharedBudget};

/// A client that is slowed down hears so at most this often.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// As long as this at most, the first frame of a connection waits for what others behind its address have used up. With the connections that an
/// address may have, it bounds how often a token can be tried from there.
const NEWCOMER_WAIT: Duration = Duration::from_secs(1);

/// What one connection may ask for.
pub struct ConnectionBudget {
    budgets: Arc<Budgets>,
    own: Throttle,
    /// Of its user, or of its address while nobody has signed in.
    shared: Arc<SharedBudget>,
    told_at: Option<Instant>,
    /// None once it has asked for something.
    new_until: Option<Instant>,
}

/// What is to be said of a connection that wants too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressure {
    /// It is read more slowly from now on, and has not heard of it lately.
    Slowed,
    /// It was slowed down for a while, and goes on.
    Flooded,
}

impl ConnectionBudget {
    pub fn open(budgets: Arc<Budgets>, address: IpAddr, now: Instant) -> Self {
        let own = Throttle::new(budgets.limits.connection, budgets.limits.patience, now);
        let shared = budgets.shared(Subject::address(address), now);
        Self { budgets, own, shared, told_at: None, new_until: Some(now + NEWCOMER_WAIT) }
    }

    /// Something was asked for that costs so much.
    pub fn take(&mut self, units: u32, now: Instant) {
        self.take_own(units, now);
        self.take_shared(units, now);
    }

    /// The same, as long as it is not known whose budget it falls on.
    pub fn take_own(&mut self, units: u32, now: Instant) {
        self.new_until = None;
        self.own.take(units, now);
    }

    pub fn take_shared(&self, units: u32, now: Instant) {
        self.shared.take(units, now);
    }

    /// A sign-in that failed, at the cost of whoever it shares its budget with. False if that was used up before.
    pub fn sign_in_failed(&self, units: u32, now: Instant) -> bool {
        let is_used_up = self.shared.ready_at(now).is_some();
        self.shared.take(units, now);
        !is_used_up
    }

    /// From now on the connection is this user's. False if the user has used up so much that there can be no other connection now.
    pub fn sign_in(&mut self, user: UserId, now: Instant) -> bool {
        self.shared = self.budgets.shared(Subject::User(user), now);
        !self.shared.is_deep_in_debt(now)
    }

    /// When the client's next frame may be read; none: now. The first, which may sign in somebody whom nothing is held against, does not wait
    /// for long for strangers behind the same address.
    pub fn ready_at(&self, now: Instant) -> Option<Instant> {
        let shared = self.shared.ready_at(now).map(|ready| self.new_until.map_or(ready, |until| ready.min(until)));
        self.own.ready_at(now).max(shared.filter(|ready| *ready > now))
    }

    /// To be asked after each frame. The connection alone is judged by: others of its user may be the ones that want too much.
    pub fn pressure(&mut self, now: Instant) -> Option<Pressure> {
        if self.own.is_flooded(now) {
            return Some(Pressure::Flooded);
        }
        self.ready_at(now)?;
        if self.told_at.is_some_and(|told| now.saturating_duration_since(told) < TELL_AGAIN) {
            return None;
        }
        self.told_at = Some(now);
        Some(Pressure::Slowed)
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, num::NonZeroU32};

    use super::*;
    use crate::{
        budget::{BudgetLimits, Rate},
        fixtures::user_id,
    };

    const SECOND: Duration = Duration::from_secs(1);
    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

    /// Of a connection 10, of a user 20, of an address 15, and a unit each second.
    fn budgets() -> Arc<Budgets> {
        let rate = |burst| Rate::new(NonZeroU32::new(burst).unwrap(), NonZeroU32::MIN);
        Budgets::new(BudgetLimits { connection: rate(10), user: rate(20), address: rate(15), patience: 30 * SECOND })
    }

    #[test]
    fn a_slow_down_is_told_now_and_then_and_ends_the_connection_if_it_is_ignored() {
        let start = Instant::now();
        let mut budget = ConnectionBudget::open(budgets(), HOME, start);
        budget.sign_in(user_id(1), start);
        budget.take(10, start);
        assert_eq!((budget.ready_at(start), budget.pressure(start)), (None, None));
        let mut told = Vec::new();
        let mut now = start;
        for _ in 0..100 {
            budget.take(1, now);
            if let Some(pressure) = budget.pressure(now) {
                told.push(((now - start).as_secs(), pressure));
            }
            if told.last().is_some_and(|(_, pressure)| *pressure == Pressure::Flooded) {
                break;
            }
            now = budget.ready_at(now).unwrap_or(now);
        }
        let slowed = |second| (second, Pressure::Slowed);
        assert_eq!(told, [slowed(0), slowed(10), slowed(20), (30, Pressure::Flooded)]);
    }

    #[test]
    fn connections_of_a_user_share_what_he_has() {
        let (budgets, now) = (budgets(), Instant::now());
        let mut connections: Vec<_> = (0..3).map(|_| ConnectionBudget::open(Arc::clone(&budgets), HOME, now)).collect();
        for connection in &mut connections {
            assert!(connection.sign_in(user_id(1), now));
            connection.take(9, now);
        }
        for connection in &mut connections {
            assert_eq!(connection.ready_at(now), Some(now + 7 * SECOND));
            assert_eq!(connection.pressure(now), Some(Pressure::Slowed));
        }
        let mut other = ConnectionBudget::open(Arc::clone(&budgets), HOME, now);
        assert!(other.sign_in(user_id(2), now));
        assert_eq!(other.ready_at(now), None);
    }

    #[test]
    fn a_user_who_comes_again_and_again_is_sent_away() {
        let (budgets, now) = (budgets(), Instant::now());
        let came_in = |_: &u32| {
            let mut connection = ConnectionBudget::open(Arc::clone(&budgets), HOME, now);
            let comes_in = connection.sign_in(user_id(1), now);
            connection.take_shared(1, now);
            comes_in
        };
        assert_eq!((0..100).take_while(came_in).count(), 31);
    }

    #[test]
    fn an_address_pays_for_whoever_does_not_sign_in() {
        let (budgets, now) = (budgets(), Instant::now());
        for _ in 0..4 {
            ConnectionBudget::open(Arc::clone(&budgets), HOME, now).take(5, now);
        }
        let mut next = ConnectionBudget::open(Arc::clone(&budgets), HOME, now);
        assert_eq!(
            (next.ready_at(now), next.ready_at(now + SECOND)),
            (Some(now + SECOND), None),
            "its first frame does not wait long"
        );
        next.take_own(1, now);
        assert_eq!(next.ready_at(now), Some(now + 5 * SECOND));
        assert!(!next.sign_in_failed(0, now));
        let elsewhere = ConnectionBudget::open(Arc::clone(&budgets), Ipv4Addr::LOCALHOST.into(), now);
        assert_eq!(elsewhere.ready_at(now), None);
        next.sign_in(user_id(1), now);
        assert_eq!(next.ready_at(now), None, "a user has his own");
    }
}
