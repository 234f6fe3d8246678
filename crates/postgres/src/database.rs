use std::{fmt, time::Instant};

use deadpool::{Runtime, managed::PoolError};
use diesel_async::{
    SimpleAsyncConnection as _,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use metrics::histogram;
use zoetrope_service::SettingsError;

use crate::{Connection, DatabaseError, PostgresSettings, connect::Connector};

/// A connection on loan from the pool; use it as `&mut connection` wherever a [`Connection`] is asked for. It goes back when
/// dropped, unless it is broken.
pub type PooledConnection = Object<Connection>;

/// A service's database. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Connection>,
}

impl Database {
    /// Prepares the pool, without connecting: the server may be away.
    ///
    /// `application_name` is how the connections present themselves in `pg_stat_activity`.
    ///
    /// # Errors
    ///
    /// When the URL or the certificates are malformed.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime: connections live on the one that this runs in.
    pub fn new(settings: &PostgresSettings, application_name: &str) -> Result<Self, SettingsError> {
        let statement_timeout = ("statement_timeout", settings.statement_timeout().as_millis().to_string());
        let connector = Connector::new(settings, application_name, &[statement_timeout])?;

        let mut manager = ManagerConfig::default();
        // A closed connection is noticed without asking the server; `transaction` covers one that closes at this very moment.
        manager.recycling_method = RecyclingMethod::Fast;
        manager.custom_setup = Box::new(move |_| {
            let connector = connector.clone();
            Box::pin(async move { connector.connect().await })
        });
        let pool = Pool::builder(AsyncDieselConnectionManager::new_with_config("", manager))
            .max_size(settings.max_connections)
            .wait_timeout(Some(settings.acquire_timeout()))
            .create_timeout(Some(settings.connect_timeout()))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| SettingsError::invalid("postgres", error))?;
        Ok(Self { pool })
    }

    /// Borrows a connection, for reads that need no transaction. It may turn out to be closed at the first use, right after an outage;
    /// [`transaction`](Self::transaction) sees to that by itself.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Unavailable`] when the server cannot be reached, or no connection gets free, within the configured time.
    pub async fn connection(&self) -> Result<PooledConnection, DatabaseError> {
        let started = Instant::now();
        let connection = self.pool.get().await;
        histogram!("zoetrope_postgres_acquire_seconds").record(started.elapsed());
        connection.map_err(|error| match error {
            PoolError::Timeout(_) => DatabaseError::unavailable("timed out waiting for a connection"),
            PoolError::Backend(error) => DatabaseError::unavailable(error),
            other => DatabaseError::unavailable(other.to_string()),
        })
    }

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        match self.ping_once().await {
            // It may have been this connection alone that is gone: a fresh one tells.
            Err(error) if error.is_unavailable() => {
                self.discard_idle();
                self.ping_once().await
            }
            result => result,
        }
    }

    async fn ping_once(&self) -> Result<(), DatabaseError> {
        let mut connection = self.connection().await?;
        Ok(connection.batch_execute("SELECT 1").await?)
    }

    /// Closes the idle connections; those on loan are not touched.
    pub(crate) fn discard_idle(&self) {
        let _ = self.pool.retain(|_, _| false);
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Database").field("pool", &self.pool.status()).finish()
    }
}
