use std::{
    cell::RefCell,
    fmt::Display,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use redis::{
    Client, Cmd, FromRedisValue, RedisError, RedisResult, ToRedisArgs,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::ExposeSecret;
use tokio::{
    runtime::{Handle, RuntimeFlavor},
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

thread_local! {
    /// The connections that this thread's runtime serves; see [`Redis::nearest`].
    static OWN: RefCell<Vec<(Weak<Inner>, ConnectionManager)>> = const { RefCell::new(Vec::new()) };
}

/// Redis, with a connection of its own for each HTTP worker. Cheap to clone.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    client: Client,
    /// The main runtime's.
    connection: ConnectionManager,
    key_prefix: String,
    /// The main runtime: what must be carried out runs there, since an HTTP worker ends first.
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
        Ok(Self(Arc::new(Inner {
            connection: open(&client).map_err(AddressError)?,
            client,
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
    pub async fn ask<T: FromRedisValue>(&self, command: Cmd) -> Option<T> {
        self.within_patience(|mut connection| async move { command.query_async(&mut connection).await }).await
    }

    /// Runs a script, as [`ask`](Self::ask) asks a question. `args` may be a tuple.
    pub async fn run<T: FromRedisValue>(&self, script: &Script, keys: &[String], args: impl ToRedisArgs) -> Option<T> {
        let mut call = script.0.key(keys);
        call.arg(args);
        self.within_patience(|mut connection| async move { call.invoke_async(&mut connection).await }).await
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
        F: Future<Output = RedisResult<T>>,
    {
        let inner = &self.0;
        if inner.outage.is_resting(Instant::now()) {
            return None;
        }
        match timeout(PATIENCE, command(self.nearest())).await {
            Ok(outcome) => match inner.noted(outcome) {
                Ok(answer) => return Some(answer),
                Err(_) => inner.outage.rest(Instant::now()),
            },
            Err(Elapsed { .. }) => inner.outage.rest(Instant::now()),
        }
        None
    }

    /// A connection that the caller's own runtime serves, if it has but this thread, as the HTTP workers' have; else the main runtime's. So
    /// a question needs no other thread to wake up, and an answer wakes none.
    fn nearest(&self) -> ConnectionManager {
        if Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread {
            return self.0.connection.clone();
        }
        OWN.with_borrow_mut(|own| {
            let this = Arc::downgrade(&self.0);
            if let Some((_, connection)) = own.iter().find(|(owner, _)| owner.ptr_eq(&this)) {
                return connection.clone();
            }
            own.retain(|(owner, _)| owner.strong_count() > 0);
            let Ok(connection) = open(&self.0.client) else { return self.0.connection.clone() };
            own.push((this, connection.clone()));
            connection
        })
    }
}

/// A connection that the runtime serves which uses it first. Redis may be away.
fn open(client: &Client) -> RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(LIMIT))
        .set_response_timeout(Some(LIMIT))
        .set_number_of_retries(0);
    ConnectionManager::new_lazy_with_config(client.clone(), config)
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
