//! One replica of a service that has an outbox.

use std::time::Duration;

use anyhow::{Result, ensure};
use uuid::Uuid;
use zoetrope_bus::{BusSettings, Publisher};
use zoetrope_contracts::users::v1::UserRegistered;
use zoetrope_outbox::{OutboxSettings, Relay, enqueue};
use zoetrope_postgres::{Database, DatabaseError};
use zoetrope_service::Process;

use crate::database::TestDatabase;

pub struct Replica {
    process: Process,
    pub database: Database,
    pub relay: Relay,
}

impl Replica {
    pub fn start(database: &TestDatabase, bus: &BusSettings) -> Result<Self> {
        let process = Process::detached("test");
        let database = database.open()?;
        let publisher = Publisher::start(&process, bus);
        let relay = Relay::start(&process, database.clone(), publisher, OutboxSettings::default());
        Ok(Self { process, database, relay })
    }

    /// One transaction that makes something happen and tells of it.
    pub async fn register(&self) -> Result<Uuid> {
        let id = self
            .database
            .transaction("register", async |connection| Ok::<_, DatabaseError>(enqueue(connection, &user()).await?))
            .await?;
        self.relay.wake();
        Ok(id)
    }

    /// As long as Kubernetes waits, too.
    pub async fn stop(self) -> Result<()> {
        ensure!(self.process.stop(Duration::from_secs(30)).await, "the process did not stop cleanly");
        Ok(())
    }
}

pub fn user() -> UserRegistered {
    UserRegistered { username: "somebody".to_owned(), ..Default::default() }
}
