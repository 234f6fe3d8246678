//! PostgreSQL for Zoetrope services: a pool that comes back after an outage, short retried transactions, and migrations.
//!
//! Every service has a role of its own, and a role reaches its own schema only: `ALTER ROLE … SET search_path` points it there,
//! so SQL, migrations and `table!` definitions carry no schema name.
//!
//! ```no_run
//! use diesel_async::RunQueryDsl;
//! use zoetrope_postgres::{Database, DatabaseError};
//!
//! # async fn example(database: Database) -> Result<(), DatabaseError> {
//! let note = String::from("hello");
//! database
//!     .transaction("add_note", async |connection| {
//!         diesel::sql_query("INSERT INTO notes (text) VALUES ($1)")
//!             .bind::<diesel::sql_types::Text, _>(&note)
//!             .execute(connection)
//!             .await?;
//!         Ok::<_, DatabaseError>(())
//!     })
//!     .await
//! # }
//! ```
//!
//! * Start-up does not wait for the server: [`Database::new`] connects nothing. While the server is away, every use fails at once
//!   or within the configured seconds with [`DatabaseError::Unavailable`]; when it is back, the next use succeeds.
//! * Connections are made and driven on the runtime in which [`Database::new`] ran, whichever runtime uses them: those of HTTP
//!   workers end first at shutdown.
//! * A request whose client hangs up drops its transaction half way; the transaction is rolled back and costs a reconnect. Run
//!   the writes of a request with `zoetrope_service::run_to_end`.
//!
//! * What runs again and again is written as a [`Statement`], which stays prepared; diesel prepares an `sql_query` anew each time.
//! * Tables that would grow for ever are pruned in small batches: [`Database::keep_pruned`].
//!
//! Metrics: `zoetrope_postgres_transaction_seconds{name,outcome}`, `zoetrope_postgres_transaction_retries_total{name}`,
//! `zoetrope_postgres_acquire_seconds`, `zoetrope_pruned_rows_total{table}`.

mod connect;
mod database;
mod error;
mod migrate;
mod pipelined;
mod pruning;
mod settings;
mod statement;
mod tls;
mod transaction;

pub use database::{Database, PooledConnection};
pub use error::DatabaseError;
pub use migrate::{MigrateError, migrate};
pub use pruning::{PRUNE_BATCH, Pruning};
pub use settings::PostgresSettings;
pub use statement::Statement;
pub use transaction::TransactionBody;

/// A connection to PostgreSQL, as queries take it.
pub type Connection = diesel_async::AsyncPgConnection;
