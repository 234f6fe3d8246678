//! Short, named transactions that are run again after a conflict.

use std::{
    error::Error as StdError,
    future::Future,
    time::{Duration, Instant},
};

use diesel_async::{AnsiTransactionManager, TransactionManager as _};
use metrics::{counter, histogram};
use tokio::time::sleep;
use tracing::Instrument as _;

use crate::{Connection, Database, DatabaseError, PooledConnection, error::is_conflict};

/// A transaction that meets conflicts this often is not met by chance.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// What runs within a transaction: an async closure, whose future has a name here so that it can be required to be [`Send`]. Not
/// to be implemented.
pub trait TransactionBody<Argument, Output>:
    AsyncFnOnce(Argument) -> Output + FnOnce(Argument) -> <Self as TransactionBody<Argument, Output>>::Fut
{
    /// The closure's future.
    type Fut: Future<Output = Output>;
}

impl<F, Fut, Argument, Output> TransactionBody<Argument, Output> for F
where
    F: AsyncFnOnce(Argument) -> Output + FnOnce(Argument) -> Fut,
    Fut: Future<Output = Output>,
{
    type Fut = Fut;
}

impl Database {
    /// Runs `body` in a transaction: committed when it returns `Ok`, rolled back otherwise.
    ///
    /// After a serialization failure or a deadlock, `body` runs again, up to five times in all; it is cloned for each attempt and
    /// must have no effects outside of the database. For this, such failures must be found among the sources of its error. A
    /// connection that turns out to be closed before `body` ran is replaced.
    ///
    /// `name` labels metrics and the span. Keep transactions short, and never wait for anything but the database within.
    ///
    /// A statement that fails ends the transaction for the server: a body that wants to go on after an error runs that statement
    /// in a savepoint, which is `connection.transaction(…)`.
    ///
    /// The future is [`Send`] when what the closure holds is:
    ///
    /// ```no_run
    /// use diesel_async::RunQueryDsl;
    /// use zoetrope_postgres::{Database, DatabaseError};
    ///
    /// async fn rename(database: Database, id: i64, names: Vec<String>) -> Result<usize, DatabaseError> {
    ///     let names = &names;
    ///     let changed = database
    ///         .transaction("rename", async |connection| {
    ///             let mut changed = 0;
    ///             for name in names {
    ///                 changed += diesel::sql_query("UPDATE things SET name = $2 WHERE id = $1")
    ///                     .bind::<diesel::sql_types::BigInt, _>(id)
    ///                     .bind::<diesel::sql_types::Text, _>(name)
    ///                     .execute(&mut *connection)
    ///                     .await?;
    ///             }
    ///             Ok::<_, DatabaseError>(changed)
    ///         })
    ///         .await?;
    ///     let owned = names.clone();
    ///     database
    ///         .transaction("rename_all", async move |connection| {
    ///             diesel::sql_query("UPDATE things SET name = $1")
    ///                 .bind::<diesel::sql_types::Text, _>(owned.join(" "))
    ///                 .execute(connection)
    ///                 .await?;
    ///             Ok::<_, DatabaseError>(changed)
    ///         })
    ///         .await
    /// }
    ///
    /// async fn in_the_background(database: Database) {
    ///     let _ = zoetrope_service::run_to_end(rename(database, 1, vec!["one".to_owned()])).await;
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `body`; and a [`DatabaseError`] when the transaction cannot be begun or committed. If the connection is lost
    /// during the commit, the transaction may have taken place.
    pub fn transaction<'a, T, E, F>(&'a self, name: &'static str, body: F) -> impl Future<Output = Result<T, E>> + Send + 'a
    where
        for<'c> F: AsyncFnOnce(&'c mut Connection) -> Result<T, E>
            + TransactionBody<&'c mut Connection, Result<T, E>, Fut: Send>
            + Clone
            + Send
            + 'a,
        T: Send + 'a,
        E: StdError + From<DatabaseError> + Send + 'static,
    {
        measured(name, move || self.attempt(body.clone()))
    }

    async fn attempt<T, E, F>(&self, body: F) -> Result<T, E>
    where
        for<'c> F:
            AsyncFnOnce(&'c mut Connection) -> Result<T, E> + TransactionBody<&'c mut Connection, Result<T, E>, Fut: Send> + Send,
        T: Send,
        E: From<DatabaseError> + Send,
    {
        let mut connection = self.begin().await?;
        match body(&mut connection).await {
            Ok(value) => {
                AnsiTransactionManager::commit_transaction(&mut *connection).await.map_err(DatabaseError::from)?;
                Ok(value)
            }
            Err(error) => {
                if let Err(rollback) = AnsiTransactionManager::rollback_transaction(&mut *connection).await {
                    // The transaction ends with its connection, which the pool will find broken.
                    tracing::debug!(error = %rollback, "cannot roll back");
                }
                Err(error)
            }
        }
    }

    /// Nothing was executed yet when this fails, so a stale connection costs one more try instead of an error.
    async fn begin(&self) -> Result<PooledConnection, DatabaseError> {
        let mut connection = self.connection().await?;
        match AnsiTransactionManager::begin_transaction(&mut *connection).await.map_err(DatabaseError::from) {
            Ok(()) => return Ok(connection),
            Err(error) if error.is_unavailable() => {}
            Err(error) => return Err(error),
        }
        // What closed this one has most likely closed the others.
        drop(PooledConnection::take(connection));
        self.discard_idle();
        let mut connection = self.connection().await?;
        AnsiTransactionManager::begin_transaction(&mut *connection).await?;
        Ok(connection)
    }
}

/// Runs a transaction, again after a conflict, within its span and with its metrics.
pub(crate) fn measured<T, E, A>(name: &'static str, attempt: impl Fn() -> A + Send) -> impl Future<Output = Result<T, E>> + Send
where
    A: Future<Output = Result<T, E>> + Send,
    T: Send,
    E: StdError + Send + 'static,
{
    let span = tracing::info_span!("transaction", transaction = name);
    async move {
        let started = Instant::now();
        let result = retried(name, attempt).await;
        let outcome = match &result {
            Ok(_) => "committed",
            Err(_) => "rolled_back",
        };
        histogram!("zoetrope_postgres_transaction_seconds", "name" => name, "outcome" => outcome).record(started.elapsed());
        result
    }
    .instrument(span)
}

async fn retried<T, E, A>(name: &'static str, attempt: impl Fn() -> A + Send) -> Result<T, E>
where
    A: Future<Output = Result<T, E>> + Send,
    T: Send,
    E: StdError + Send + 'static,
{
    for number in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if is_conflict(&error) => {
                counter!("zoetrope_postgres_transaction_retries_total", "name" => name).increment(1);
                tracing::debug!(transaction = name, attempt = number, "conflict with another transaction; trying again");
            }
            result => return result,
        }
        // Jittered, so that those who met do not meet again.
        sleep(FIRST_PAUSE.mul_f64(f64::from(number) * rand::random_range(0.5..1.5))).await;
    }
    attempt().await
}
