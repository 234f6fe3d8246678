//! Redis, which is allowed to be away.
//!
//! What lives there makes services work together better (ended sessions, shared budgets) and is never the only copy of anything. So a
//! question is answered quickly or not at all: a caller waits at most 100 ms, and after a failure nobody asks for a second. An outage
//! is logged when it begins and when it ends, not for every question.
//!
//! ```no_run
//! use zoetrope_redis::{Redis, RedisSettings, Script, cmd};
//!
//! # async fn example(settings: RedisSettings) -> Result<(), zoetrope_redis::AddressError> {
//! let redis = Redis::connect(&settings)?;
//! let known: Option<bool> = redis.ask(cmd("EXISTS").arg(redis.key("a")).to_owned()).await;
//! let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
//! let sum: Option<u64> = redis.run(&script, &[redis.key("b")], 7).await;
//! # Ok(())
//! # }
//! ```
//!
//! It must never hold up or fail what its callers can do without it, nor know what the keys mean.

mod connection;
mod outage;
mod settings;

pub use connection::{CommandError, Redis, Script};
pub use redis::{Cmd, FromRedisValue, ToRedisArgs, cmd};
pub use settings::{AddressError, RedisSettings};
