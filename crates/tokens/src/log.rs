//! What ended lately, in the order of Redis' clock.
//!
//! A process asks once a second for what is new, instead of asking for each connection that it holds open. It is the second way on
//! which an end arrives; the first one is the bus.

use std::{sync::LazyLock, time::Duration};

use zoetrope_redis::{CommandError, Redis, Script, cmd};

use crate::Credential;

/// How long an end is remembered without asking again. It is final, so this only bounds memory.
pub(crate) const REMEMBERED_FOR: Duration = Duration::from_secs(15 * 60);

/// Two ends may be written in another order than they were numbered.
const OVERLAP_MILLISECONDS: i64 = 5_000;

/// Writes the entry under which the end is found, and the line of the log; lines older than ten minutes go.
const END: &str = "
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[2], string.format('%d', now), ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%d', now - 600000))
return 1
";

static READ: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return { now, redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf') }
",
    )
});

fn key(redis: &Redis) -> String {
    redis.key("ended")
}

/// Stores that the credential has ended.
pub(crate) async fn end(
    redis: &Redis,
    credential: Credential,
    entry: &str,
    value: &str,
    lifetime: Duration,
) -> Result<(), CommandError> {
    let mut command = cmd("EVAL");
    command.arg(END).arg(2).arg(entry).arg(key(redis));
    redis.tell(command.arg(value).arg(lifetime.as_secs().max(1)).arg(credential.to_string()).to_owned()).await
}

/// Reads on from where it stopped.
#[derive(Default)]
pub(crate) struct Reader {
    since: i64,
}

impl Reader {
    /// What ended since the last time, some of it once more. Nothing while Redis is away: it is read later.
    pub(crate) async fn read(&mut self, redis: &Redis) -> Vec<Credential> {
        let Some((now, lines)) = redis.run::<(i64, Vec<String>)>(&READ, &[key(redis)], self.since).await else {
            return Vec::new();
        };
        self.since = now - OVERLAP_MILLISECONDS;
        lines.iter().filter_map(|line| line.parse().ok()).collect()
    }
}
