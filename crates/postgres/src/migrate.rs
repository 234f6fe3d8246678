use std::{error::Error as StdError, time::Duration};

use diesel::sql_types::Bool;
use diesel_async::{AsyncMigrationHarness, RunQueryDsl as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _};
use tokio::time::{Instant, sleep};
use zoetrope_service::SettingsError;

use crate::{Connection, DatabaseError, PostgresSettings, connect::Connector};

const LOCK_WAIT: Duration = Duration::from_secs(60);
const LOCK_POLL: Duration = Duration::from_millis(250);

/// A statement of a migration that cannot get its table lock gives up, since everything that wants the table queues behind it.
const TABLE_LOCK_WAIT: Duration = Duration::from_secs(30);

/// Why the schema is not up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The settings do not lead to a database.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The database cannot be used.
    #[error("cannot prepare the migration")]
    Database(#[source] DatabaseError),
    /// Another migration of the same schema did not end within a minute.
    #[error("another migration of this schema is still running")]
    Locked,
    /// A migration failed; those before it are in place, itself it was rolled back.
    #[error("a migration failed")]
    Migration(#[source] Box<dyn StdError + Send + Sync>),
}

/// Brings the role's schema up to date, and returns the versions that were applied, none if it was up to date.
///
/// One at a time: others wait for their turn, and then find nothing to do. Statements have no time limit here.
///
/// # Errors
///
/// See [`MigrateError`].
///
/// # Panics
///
/// On a single-threaded runtime: the migrations themselves run blocking.
pub async fn migrate(settings: &PostgresSettings, migrations: EmbeddedMigrations) -> Result<Vec<String>, MigrateError> {
    let parameters = [("statement_timeout", "0".to_owned()), ("lock_timeout", TABLE_LOCK_WAIT.as_millis().to_string())];
    let connector = Connector::new(settings, "zoetrope-migrate", &parameters)?;
    let unavailable = |error| MigrateError::Database(DatabaseError::unavailable(error));
    let mut connection = connector.connect().await.map_err(unavailable)?;
    lock(&mut connection).await?;
    // The lock ends with the connection, which ends with the harness.
    let mut harness = AsyncMigrationHarness::new(connection);
    let applied = harness.run_pending_migrations(migrations).map_err(MigrateError::Migration)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// Takes the schema's lock, waiting for another migration to end.
async fn lock(connection: &mut Connection) -> Result<(), MigrateError> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = Bool)]
        locked: bool,
    }

    let deadline = Instant::now() + LOCK_WAIT;
    let mut announced = false;
    loop {
        let query = "SELECT pg_try_advisory_lock(hashtextextended('zoetrope migration of ' || current_schema(), 0)) AS locked";
        let row: Row =
            diesel::sql_query(query).get_result(connection).await.map_err(|error| MigrateError::Database(error.into()))?;
        if row.locked {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(MigrateError::Locked);
        }
        if !announced {
            tracing::info!("another migration of this schema is running; waiting for it");
            announced = true;
        }
        sleep(LOCK_POLL).await;
    }
}
