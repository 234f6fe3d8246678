use std::time::Duration;

use uuid::Uuid;
use zoetrope_redis::{Redis, Script};

use super::{
    breaker::Shared,
    state::{Facts, Question, Return},
};

/// How long the right to send a probe is kept for a process that does not ask again.
const PROBE_RIGHT: Duration = Duration::from_secs(15);

/// What all processes know of one account: a hash in Redis, in its time.
pub(super) struct Blackboard {
    redis: Redis,
    key: [String; 1],
    /// This gate among those of the account.
    me: String,
    take: Script,
    give_back: Script,
    pause: Script,
    open: Script,
    close: Script,
}

/// As `take.lua` returns it.
type Answer = (u64, u64, u64, u32, u8, u64, u32, u8);

impl Blackboard {
    pub(super) fn new(account: &str, redis: Redis) -> Self {
        Self {
            key: [redis.key(format_args!("gate:{account}"))],
            redis,
            me: Uuid::new_v4().simple().to_string(),
            take: Script::new(include_str!("lua/take.lua")),
            give_back: Script::new(include_str!("lua/give_back.lua")),
            pause: Script::new(include_str!("lua/pause.lua")),
            open: Script::new(include_str!("lua/open.lua")),
            close: Script::new(include_str!("lua/close.lua")),
        }
    }

    pub(super) async fn take(&self, question: &Question) -> Option<Facts> {
        let (rate, burst) = question.rate.map_or((0.0, 0.0), |rate| (rate.per_second, rate.burst));
        let args = (
            question.wanted,
            rate,
            burst,
            question.owed,
            u8::from(question.empty),
            &self.me,
            u8::from(question.probing),
            micros(PROBE_RIGHT),
        );
        self.redis.run(&self.take, &self.key, args).await.map(facts)
    }

    pub(super) async fn give_back(&self, what: &Return) {
        let (unused, rate, burst) = what.leave.map_or((0, 0.0, 0.0), |(unused, rate)| (unused, rate.per_second, rate.burst));
        // What does not arrive fills up again by itself.
        let _: Option<u8> =
            self.redis.run(&self.give_back, &self.key, (unused, rate, burst, &self.me, u8::from(what.probe))).await;
    }

    /// Says whether Redis took it, as do the following.
    pub(super) async fn pause(&self, wait: Duration, strikes: u32) -> bool {
        self.redis.run::<u8>(&self.pause, &self.key, (micros(wait), strikes)).await.is_some()
    }

    pub(super) async fn open(&self, wait: Duration, trips: u32) -> bool {
        self.redis.run::<u8>(&self.open, &self.key, (micros(wait), trips)).await.is_some()
    }

    pub(super) async fn close(&self) -> bool {
        self.redis.run::<u8>(&self.close, &self.key, &[""; 0]).await.is_some()
    }
}

fn facts((granted, wait, pause, strikes, phase, opening, trips, probe): Answer) -> Facts {
    Facts {
        granted: usize::try_from(granted).unwrap_or(usize::MAX),
        wait: Duration::from_micros(wait),
        pause: Duration::from_micros(pause),
        strikes,
        breaker: match phase {
            0 => Shared::Closed,
            1 => Shared::HalfOpen { trips },
            _ => Shared::Open { rest: Duration::from_micros(opening), trips },
        },
        probe: probe == 1,
    }
}

/// For Redis, which is never told of times that are not bounded.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
