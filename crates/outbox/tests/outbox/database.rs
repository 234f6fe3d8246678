//! A PostgreSQL database of a test's own.

use anyhow::Result;
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use url::Url;
use uuid::Uuid;
use zoetrope_postgres::{Connection, Database, PostgresSettings};

use crate::broker::url_from;

pub struct TestDatabase {
    admin: Url,
    name: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl TestDatabase {
    /// Makes a database with an empty outbox and inbox on the test servers.
    pub async fn new() -> Result<Self> {
        let database =
            Self { admin: url_from("ZOETROPE_TEST_POSTGRES_URL")?, name: format!("outbox_{}", Uuid::new_v4().simple()) };
        database.administer(&format!("CREATE DATABASE {}", database.name)).await?;
        database.run(include_str!("../../../../migrations/tasks/2026-11-20-000002_bus/up.sql")).await?;
        Ok(database)
    }

    /// A pool on it, as each replica of a service has one.
    pub fn open(&self) -> Result<Database> {
        let settings: PostgresSettings = toml::from_str(&format!("url = '{}'\nmax_connections = 4", self.url()))?;
        Ok(Database::new(&settings, "test")?)
    }

    pub async fn run(&self, sql: &str) -> Result<()> {
        Ok(self.connect().await?.batch_execute(sql).await?)
    }

    pub async fn count(&self, sql: &str) -> Result<i64> {
        let count: Count =
            sql_query(format!("SELECT count(*) AS count FROM {sql}")).get_result(&mut self.connect().await?).await?;
        Ok(count.count)
    }

    /// Takes the database away: all connections break, and new ones are refused.
    pub async fn close(&self) -> Result<()> {
        self.administer(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name)).await?;
        self.administer(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.name)).await
    }

    /// Ends [`Self::close`].
    pub async fn open_again(&self) -> Result<()> {
        self.administer(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name)).await
    }

    pub async fn remove(self) -> Result<()> {
        self.administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await
    }

    fn url(&self) -> Url {
        let mut url = self.admin.clone();
        url.set_path(&format!("/{}", self.name));
        url
    }

    async fn connect(&self) -> Result<Connection> {
        Ok(Connection::establish(self.url().as_str()).await?)
    }

    async fn administer(&self, sql: &str) -> Result<()> {
        Ok(Connection::establish(self.admin.as_str()).await?.batch_execute(sql).await?)
    }
}
