//! Transactions that wait for one answer less.

use std::{error::Error as StdError, future::Future};

use diesel_async::{AnsiTransactionManager, SimpleAsyncConnection as _, TransactionManager as _};
use futures_util::future::join;

use crate::{Connection, Database, DatabaseError, PooledConnection, TransactionBody, transaction::measured};

/// A connection on loan with a transaction that the pool knows nothing of. Unless that has ended, nobody else must go on with it.
struct Open {
    connection: PooledConnection,
    has_ended: bool,
}

impl Database {
    /// As [`transaction`](Self::transaction), for what is done very often: `body` begins while the server still answers to `BEGIN`.
    ///
    /// What `body` gets is shared, so that it may in turn send statements that do not need each other's answers at the same time (with
    /// `tokio::try_join!`), and cannot nest transactions. Should `BEGIN` alone fail, which nobody has seen yet, the first statement of
    /// `body` has been carried out by itself: it must be one that does no harm, or that a deferred constraint then refuses.
    ///
    /// # Errors
    ///
    /// As those of [`transaction`](Self::transaction).
    pub fn pipelined<'a, T, E, F>(&'a self, name: &'static str, body: F) -> impl Future<Output = Result<T, E>> + Send + 'a
    where
        for<'c> F: AsyncFnOnce(&'c Connection) -> Result<T, E>
            + TransactionBody<&'c Connection, Result<T, E>, Fut: Send>
            + Clone
            + Send
            + 'a,
        T: Send + 'a,
        E: StdError + From<DatabaseError> + Send + 'static,
    {
        measured(name, move || self.attempt_pipelined(body.clone()))
    }

    async fn attempt_pipelined<T, E, F>(&self, body: F) -> Result<T, E>
    where
        for<'c> F:
            AsyncFnOnce(&'c Connection) -> Result<T, E> + TransactionBody<&'c Connection, Result<T, E>, Fut: Send> + Clone + Send,
        T: Send,
        E: From<DatabaseError> + Send,
    {
        let mut open = Open::new(self.connection().await?);
        let (begun, outcome) = begin(&open.connection, body.clone()).await;
        let outcome = match begun {
            Ok(()) => outcome,
            // What closed this connection has most likely closed the others, and nothing was done yet.
            Err(error) if error.is_unavailable() => {
                drop(open);
                self.discard_idle();
                open = Open::new(self.connection().await?);
                let (begun, outcome) = begin(&open.connection, body).await;
                begun?;
                outcome
            }
            Err(error) => return Err(error.into()),
        };
        match outcome {
            Ok(value) => {
                open.end("COMMIT").await?;
                Ok(value)
            }
            Err(error) => {
                if let Err(rollback) = open.end("ROLLBACK").await {
                    // The transaction ends with its connection.
                    tracing::debug!(error = %rollback, "cannot roll back");
                }
                Err(error)
            }
        }
    }
}

async fn begin<T, E, F>(connection: &Connection, body: F) -> (Result<(), DatabaseError>, Result<T, E>)
where
    for<'c> F: AsyncFnOnce(&'c Connection) -> Result<T, E> + TransactionBody<&'c Connection, Result<T, E>, Fut: Send> + Send,
    T: Send,
    E: Send,
{
    let mut sender = connection;
    // This future is always asked first, so `BEGIN` is sent before anything of the body.
    let (begun, outcome) = join(sender.batch_execute("BEGIN"), body(connection)).await;
    (begun.map_err(DatabaseError::from), outcome)
}

impl Open {
    fn new(connection: PooledConnection) -> Self {
        Self { connection, has_ended: false }
    }

    async fn end(mut self, sql: &str) -> Result<(), DatabaseError> {
        self.connection.batch_execute(sql).await?;
        self.has_ended = true;
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.has_ended {
            // The pool closes what is in error.
            AnsiTransactionManager::transaction_manager_status_mut(&mut *self.connection).set_in_error();
        }
    }
}
