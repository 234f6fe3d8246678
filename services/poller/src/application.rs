use std::{num::NonZeroUsize, sync::Arc};

use anyhow::Context;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use zoetrope_bus::{ConsumeFrom, Publisher, topology};
use zoetrope_outbox::{Relay, inbox};
use zoetrope_postgres::Database;
use zoetrope_redis::Redis;
use zoetrope_service::Process;
use zoetrope_storage::ObjectStorage;

use crate::{
    census,
    commands::Commands,
    durations::{self, Durations},
    forgetting,
    gate::Gate,
    provider::Provider,
    replicas::{self, Replicas},
    scheduler::{self, Accounts, Cutoff},
    settings::{PostgresOnly, Settings},
    store::Capacity,
    work::{Account, Recorder, Worker},
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/poller");

/// Starts the poller.
pub(crate) async fn build(settings: Settings, process: Process) -> anyhow::Result<()> {
    let database = Database::new(&settings.postgres, process.name()).context("postgres")?;
    let storage = ObjectStorage::from_settings(&settings.storage)?;
    let (replicas, durations) = (Replicas::new(), Arc::new(Durations::default()));
    let redis = Redis::connect(&settings.redis)?;
    let accounts = accounts(&settings, &redis, &durations)?;
    let pinged = database.clone();
    process.readiness().register("postgres", move || {
        let database = pinged.clone();
        async move { database.ping().await.map_err(|error| error.to_string()) }
    });

    let publisher = Publisher::start(&process, &settings.rabbitmq);
    let relay = Relay::start(&process, database.clone(), publisher, settings.outbox);
    inbox::keep_pruned(&process, &database);
    let alarms = Arc::new(scheduler::alarms(settings.providers.keys().map(String::as_str)));
    let worker = Arc::new(Worker {
        database: database.clone(),
        storage,
        relay: relay.clone(),
        recorder: Recorder::start(&process, database.clone()),
        alarms: Arc::clone(&alarms),
        lease: settings.polling.lease,
        cutoff: Cutoff::new(),
    });
    let gates: Vec<Gate> = accounts.gates().cloned().collect();
    scheduler::start(&process, &worker, &settings.polling, accounts, &replicas);
    let keep_days = settings.polling.keep_days;
    let commands = Commands { database: database.clone(), relay, alarms, keep_days, lease: settings.polling.lease };
    zoetrope_bus::consume(&process, &settings.rabbitmq, ConsumeFrom::Shared(topology::POLLER_COMMANDS), commands);
    process.spawn("census", census::run(database.clone(), process.stopping()));
    process.spawn("durations", durations::run(durations, database.clone(), process.stopping()));
    process.spawn(
        "replicas",
        replicas::run(replicas, database.clone(), process.stopping(), move |count| {
            gates.iter().for_each(|gate| gate.shared_by(count));
        }),
    );
    forgetting::start(&process, &database, keep_days);
    Ok(())
}

fn accounts(settings: &Settings, redis: &Redis, durations: &Arc<Durations>) -> anyhow::Result<Accounts> {
    let polling = &settings.polling;
    let account = |provider: Option<Provider>, capacity| {
        let policy = polling.policy(provider.as_ref().is_some_and(Provider::can_look_up));
        Arc::new(Account { provider, policy, max_ages: polling.max_ages.clone(), durations: Arc::clone(durations), capacity })
    };
    let mut known = Vec::new();
    for (name, provider) in &settings.providers {
        let capacity = Capacity {
            submissions: provider.max_concurrent_submissions.get(),
            jobs: provider.max_concurrent_jobs.map(NonZeroUsize::get),
        };
        let gate = Gate::new(name, provider.limits(), redis.clone());
        known.push((name.clone(), account(Some(Provider::new(name, provider, gate)?), capacity)));
    }
    // Nothing is submitted for a provider that nobody knows.
    Ok(Accounts { known, others: account(None, Capacity { submissions: 0, jobs: None }) })
}

/// Brings the schema up to date.
pub(crate) async fn migrate(settings: PostgresOnly) -> anyhow::Result<()> {
    for name in zoetrope_postgres::migrate(&settings.postgres, MIGRATIONS).await? {
        tracing::info!(migration = name, "applied");
    }
    Ok(())
}
