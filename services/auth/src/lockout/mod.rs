//! Makes who guesses passwords wait; the rule is [`crate::rules::lockout`].
//!
//! Failures are counted for the account, by whichever of its names somebody tries, for each name that leads to nobody, and for the address. So a
//! closed door tells no more than a wrong password: those of names without an account close as well. They are kept in Redis, for all
//! replicas together; while it is away, each process counts by itself. A try at an account counts as failed until it has succeeded, so many
//! at a time are no more than one after the other.
//!
//! An address from which the account was signed in to lately has a door of its own to it and waits at no other: strangers who keep
//! guessing do not keep its owner out. A new password by mail opens the door, too.

mod doors;
mod memory;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use zoetrope_redis::{Redis, Script};

use crate::{metrics, rules::lockout::Patience, settings::LockoutSettings};
use doors::Doors;
pub use doors::Subject;
use memory::Memory;

/// How long an address is known after a sign-in.
const KNOWN_SECONDS: u32 = 30 * 24 * 60 * 60;

/// The doorkeeper. Cheap to clone.
#[derive(Clone)]
pub struct Lockout(Arc<Parts>);

struct Parts {
    redis: Redis,
    begin: Script,
    fail: Script,
    take_back: Script,
    open: Script,
    memory: Memory,
    accounts: Patience,
    addresses: Patience,
}

/// A try to sign in that nobody had to refuse. Whoever made it says how it ended.
#[must_use]
pub struct Attempt {
    lockout: Lockout,
    doors: Doors,
    known_here: bool,
}

impl Lockout {
    pub fn new(redis: Redis, settings: &LockoutSettings) -> Self {
        Self(Arc::new(Parts {
            redis,
            begin: Script::new(concat!(include_str!("lua/count.lua"), include_str!("lua/begin.lua"))),
            fail: Script::new(concat!(include_str!("lua/count.lua"), include_str!("lua/fail.lua"))),
            take_back: Script::new(include_str!("lua/take_back.lua")),
            open: Script::new(include_str!("lua/open.lua")),
            memory: Memory::default(),
            accounts: settings.accounts(),
            addresses: settings.addresses(),
        }))
    }

    /// Begins a try to sign in. Else the time that one has to wait.
    pub async fn begin(&self, subject: Subject<'_>, address: IpAddr) -> Result<Attempt, Duration> {
        let parts = &self.0;
        let doors = Doors::new(subject, address);
        let keys = self.keys(&[&doors.known_here, &doors.account_here, &doors.account, &doors.address]);
        let (known_here, counted) = match parts.redis.run::<(bool, u64)>(&parts.begin, &keys, arguments(&parts.accounts)).await {
            Some((known_here, wait)) => (known_here, waited(wait)),
            None => (false, parts.memory.count(&[&doors.account, &doors.address], &parts.accounts, Instant::now())),
        };
        counted.inspect_err(|_| metrics::locked_out())?;
        Ok(Attempt { lockout: self.clone(), doors, known_here })
    }

    /// Opens the account for those at this address, who proved to be its owner by other means.
    pub async fn open(&self, subject: Subject<'_>, address: IpAddr) {
        let doors = Doors::new(subject, address);
        self.know(&doors, &[&doors.account, &doors.account_here]).await;
    }

    /// From now on the account is known at this address, and these of its doors are open.
    async fn know(&self, doors: &Doors, open: &[&String]) {
        let parts = &self.0;
        for door in open {
            parts.memory.forget(door);
        }
        let keys: Vec<String> = self.keys(&[&doors.known_here]).into_iter().chain(self.keys(open)).collect();
        // What Redis does not take is forgotten with time.
        let _: Option<u8> = parts.redis.run(&parts.open, &keys, KNOWN_SECONDS).await;
    }

    fn keys(&self, names: &[&String]) -> Vec<String> {
        names.iter().map(|name| self.0.redis.key(name)).collect()
    }
}

impl Attempt {
    pub async fn succeeded(self) {
        self.lockout.know(&self.doors, &[self.door()]).await;
    }

    /// The account has counted it already.
    pub async fn failed(self) {
        let parts = &self.lockout.0;
        let address = &self.doors.address;
        // Closed already by others at this address: it cannot be more closed.
        if parts.redis.run::<u64>(&parts.fail, &self.lockout.keys(&[address]), arguments(&parts.addresses)).await.is_none() {
            let _ = parts.memory.count(&[address], &parts.addresses, Instant::now());
        }
    }

    /// Nobody knows whether the password was right.
    pub async fn undecided(self) {
        let parts = &self.lockout.0;
        let key = parts.redis.key(self.door());
        if parts.redis.run::<u8>(&parts.take_back, &[key], &[""; 0]).await.is_none() {
            parts.memory.take_back(self.door());
        }
    }

    fn door(&self) -> &String {
        if self.known_here { &self.doors.account_here } else { &self.doors.account }
    }
}

/// What a script told in milliseconds.
fn waited(wait: u64) -> Result<(), Duration> {
    if wait == 0 { Ok(()) } else { Err(Duration::from_millis(wait)) }
}

/// As `count.lua` reads them.
fn arguments(patience: &Patience) -> Vec<u64> {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    [patience.memory].into_iter().chain(patience.waits()).map(millis).collect()
}

#[cfg(test)]
mod tests {
    use zoetrope_redis::RedisSettings;

    use super::*;
    use crate::rules::login::Identifier;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const ELSEWHERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    /// Nothing listens there, so this is what each process does by itself.
    fn alone(account_failures: u32, address_failures: u32) -> Lockout {
        let redis = RedisSettings { url: "redis://127.0.0.1:1/0".into(), key_prefix: String::new() };
        let settings = LockoutSettings { account_failures, address_failures, ..LockoutSettings::default() };
        Lockout::new(Redis::connect(&redis).unwrap(), &settings)
    }

    async fn fail(lockout: &Lockout, name: &str, address: IpAddr) -> bool {
        match lockout.begin(Subject::Nobody(&Identifier::of(name)), address).await {
            Ok(attempt) => {
                attempt.failed().await;
                true
            }
            Err(_) => false,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_is_closed_everywhere_and_no_other() {
        let lockout = alone(2, 100);
        let mut heard = Vec::new();
        for _ in 0..4 {
            heard.push(fail(&lockout, "ann", HERE).await);
        }
        assert_eq!(heard, [true, true, true, false]);
        assert!(!fail(&lockout, "ann", ELSEWHERE).await);
        assert!(fail(&lockout, "bo", HERE).await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_address_is_closed_for_every_account() {
        let lockout = alone(100, 2);
        for name in ["ann", "bo", "cy"] {
            assert!(fail(&lockout, name, HERE).await, "{name}");
        }
        assert!(!fail(&lockout, "dan", HERE).await);
        assert!(fail(&lockout, "dan", ELSEWHERE).await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn success_forgets_and_what_is_undecided_does_not_count() {
        let lockout = alone(2, 100);
        let ann = Identifier::of("ann");
        for _ in 0..10 {
            lockout.begin(Subject::Nobody(&ann), HERE).await.ok().unwrap().undecided().await;
        }
        for _ in 0..10 {
            assert!(fail(&lockout, "ann", HERE).await);
            lockout.begin(Subject::Nobody(&ann), HERE).await.ok().unwrap().succeeded().await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_at_a_time_are_no_more_than_one_after_the_other() {
        let lockout = alone(2, 100);
        let mut begun = Vec::new();
        for _ in 0..10 {
            begun.extend(lockout.begin(Subject::Nobody(&Identifier::of("ann")), HERE).await.ok());
        }
        assert_eq!(begun.len(), 3);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_owner_opens_the_door() {
        let lockout = alone(0, 100);
        assert!(fail(&lockout, "ann", HERE).await && !fail(&lockout, "ann", HERE).await);
        lockout.open(Subject::Nobody(&Identifier::of("ann")), ELSEWHERE).await;
        assert!(fail(&lockout, "ann", HERE).await);
    }
}
