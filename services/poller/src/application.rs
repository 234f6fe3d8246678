use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use zoetrope_bus::{ConsumeFrom, Publisher, topology};
use zoetrope_outbox::{Relay, inbox};
use zoetrope_postgres::Database;
use zoetrope_service::Process;
use zoetrope_storage::ObjectStorage;

use crate::{
    census,
    commands::Commands,
    provider::Provider,
    scheduler::{self, Cutoff},
    settings::{MigrationSettings, Settings},
    work::Worker,
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/poller");

/// Starts the poller.
pub(crate) async fn build(settings: Settings, process: Process) -> anyhow::Result<()> {
    let database = Database::new(&settings.postgres, process.name()).context("postgres")?;
    let storage = ObjectStorage::from_settings(&settings.storage)?;
    let mut providers = BTreeMap::new();
    for (name, account) in &settings.providers {
        let provider = Provider::new(name, account)?;
        providers.insert(name.clone(), (provider, account.max_concurrent_submissions));
    }
    let pinged = database.clone();
    process.readiness().register("postgres", move || {
        let database = pinged.clone();
        async move { database.ping().await.map_err(|error| error.to_string()) }
    });

    let publisher = Publisher::start(&process, &settings.rabbitmq);
    let relay = Relay::start(&process, database.clone(), publisher, settings.outbox);
    inbox::keep_pruned(&process, &database);
    let alarms = Arc::new(scheduler::alarms(&providers));
    let worker = Arc::new(Worker {
        database: database.clone(),
        storage,
        relay,
        alarms: Arc::clone(&alarms),
        lease: settings.polling.lease,
        cutoff: Cutoff::new(),
    });
    scheduler::start(&process, &worker, &settings.polling, providers);
    let commands = Commands { database: database.clone(), alarms };
    zoetrope_bus::consume(&process, &settings.rabbitmq, ConsumeFrom::Shared(topology::POLLER_COMMANDS), commands);
    process.spawn("census", census::run(database, process.stopping()));
    Ok(())
}

/// Brings the schema up to date.
pub(crate) async fn migrate(settings: MigrationSettings) -> anyhow::Result<()> {
    for name in zoetrope_postgres::migrate(&settings.postgres, MIGRATIONS).await? {
        tracing::info!(migration = name, "applied");
    }
    Ok(())
}
