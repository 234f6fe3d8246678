use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, Instant},
};

use redis::{
    Client, Cmd, FromRedisValue, RedisError, RedisResult, ToRedisArgs,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::ExposeSecret;
use tokio::{
    runtime::Handle,
    time::{error::Elapsed, timeout},
};

use crate::{
    outage::Outage,
    settings::{AddressError, RedisSettings},
};

/// What a caller may wait for an answer.
const PATIENCE: Duration = Duration::from_millis(100);
/// Longest time that a command, or the making of a connection, is given.
const LIMIT: Duration = Duration::from_secs(1);

/// A connection to Redis. Cheap to clone.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    connection: ConnectionManager,
    key_prefix: String,
    /// Commands run here and not on the caller's runtime: the connection then outlives an HTTP worker and a request that was dropped.
    runtime: Handle,
    outage: Outage,
}

/// A Lua script, sent to the server once. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Script(Arc<redis::Script>);

/// A command was not carried out, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("Redis did not carry out the command")]
    Redis(#[source] RedisError),
    #[error("the process ended before Redis answered")]
    Interrupted,
}

impl Script {
    pub fn new(code: &str) -> Self {
        Self(Arc::new(redis::Script::new(code)))
    }
}

impl Redis {
    /// Prepares the connection; Redis may be away. Must be called on the main runtime.
    pub fn connect(settings: &RedisSettings) -> Result<Self, AddressError> {
        let client = Client::open(settings.url.expose_secret()).map_err(AddressError)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(LIMIT))
            .set_response_timeout(Some(LIMIT))
            .set_number_of_retries(0);
        Ok(Self(Arc::new(Inner {
            connection: ConnectionManager::new_lazy_with_config(client, config).map_err(AddressError)?,
            key_prefix: settings.key_prefix.clone(),
            runtime: Handle::current(),
            outage: Outage::default(),
        })))
    }

    /// The name with this installation's prefix.
    pub fn key(&self, name: impl Display) -> String {
        format!("{}{name}", self.0.key_prefix)
    }

    /// Asks a question. `None`: there is no answer within 100 ms, or there was none a moment ago. The command may be carried out
    /// nevertheless.
    pub async fn ask<T: FromRedisValue + Send + 'static>(&self, command: Cmd) -> Option<T> {
        self.within_patience(|mut connection| async move { command.query_async(&mut connection).await }).await
    }

    /// Runs a script, as [`ask`](Self::ask) asks a question. `args` may be a tuple.
    pub async fn run<T: FromRedisValue + Send + 'static>(
        &self,
        script: &Script,
        keys: &[String],
        args: impl ToRedisArgs + Send,
    ) -> Option<T> {
        let (script, keys, args) = (script.clone(), keys.to_vec(), args.to_redis_args());
        self.within_patience(|mut connection| async move { script.0.key(keys).arg(args).invoke_async(&mut connection).await })
            .await
    }

    /// Has a command carried out, for at most a second, and whether or not the caller goes on to wait.
    pub async fn tell<T: FromRedisValue + Send + 'static>(&self, command: Cmd) -> Result<T, CommandError> {
        let inner = Arc::clone(&self.0);
        let telling = self.0.runtime.spawn(async move {
            let mut connection = inner.connection.clone();
            inner.noted(command.query_async(&mut connection).await)
        });
        telling.await.map_err(|_| CommandError::Interrupted)?.map_err(CommandError::Redis)
    }

    async fn within_patience<T, F>(&self, command: impl FnOnce(ConnectionManager) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = RedisResult<T>> + Send + 'static,
    {
        let inner = &self.0;
        if inner.outage.is_resting(Instant::now()) {
            return None;
        }
        let (asked, command) = (Arc::clone(inner), command(inner.connection.clone()));
        let asking = inner.runtime.spawn(async move { asked.noted(command.await) });
        match timeout(PATIENCE, asking).await {
            Ok(Ok(Ok(answer))) => Some(answer),
            Ok(Ok(Err(_)) | Err(_)) | Err(Elapsed { .. }) => {
                inner.outage.rest(Instant::now());
                None
            }
        }
    }
}

impl Inner {
    fn noted<T>(&self, outcome: RedisResult<T>) -> RedisResult<T> {
        self.outage.note(outcome.as_ref().err());
        outcome
    }
}

#[cfg(test)]
mod tests {
    use redis::cmd;

    use super::*;

    /// Nothing listens there.
    fn away() -> Redis {
        Redis::connect(&RedisSettings { url: "redis://127.0.0.1:1/0".into(), key_prefix: "test:".to_owned() }).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_redis_nobody_waits() {
        let redis = away();
        let started = Instant::now();
        for _ in 0..100 {
            assert_eq!(redis.ask::<bool>(cmd("EXISTS").arg(redis.key("a")).to_owned()).await, None);
            assert_eq!(redis.run::<i64>(&Script::new("return 1"), &[redis.key("a")], (1, "b")).await, None);
        }
        assert!(started.elapsed() < 2 * LIMIT, "each of them waited");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_tells_learns_of_the_failure() {
        let redis = away();
        assert!(matches!(redis.tell::<()>(cmd("PING")).await, Err(CommandError::Redis(_))));
    }

    #[test]
    fn an_address_that_is_none_stops_the_start() {
        let settings = RedisSettings { url: "http://redis".into(), key_prefix: String::new() };
        assert!(Redis::connect(&settings).is_err());
    }
}
