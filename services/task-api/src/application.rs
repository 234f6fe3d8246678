//! Puts the parts together and starts them.

use std::{sync::Arc, time::Instant};

use actix_web::web;
use anyhow::Context;
use zoetrope_bus::{
    ConsumeFrom, Publisher, consume,
    topology::{self, EVENTS, TASK_UPDATED},
};
use zoetrope_domain::ModelCatalog;
use zoetrope_http::{Authenticator, RateLimits};
use zoetrope_limits::Limiter;
use zoetrope_outbox::{Relay, inbox};
use zoetrope_postgres::Database;
use zoetrope_redis::Redis;
use zoetrope_service::{Process, SettingsError};
use zoetrope_storage::{MediaLinks, ObjectStorage};
use zoetrope_tokens::{Access, Verifier};

use crate::{
    app::App,
    audit::Auditor,
    balances,
    commands::Commands,
    consumers::{JobEvents, TaskUpdates, UserEvents},
    erasure::Eraser,
    forgetting, http,
    live::{Live, Watchers},
    settings::Settings,
    uploads::UnfinishedUploads,
};

/// Starts the service. Contacts no server before it returns: those that are away are waited for in the background.
pub async fn build(settings: Settings, process: Process) -> anyhow::Result<()> {
    let models = ModelCatalog::new(settings.models).map_err(|error| SettingsError::invalid("models", error))?;
    settings.streams.check()?;
    settings.uploads.check()?;
    let storage = ObjectStorage::from_settings(&settings.storage)?;
    let links = MediaLinks::new(&settings.media)?;
    let redis = Redis::connect(&settings.redis)?;
    let verifier = Verifier::open(&settings.tokens)?;
    verifier.follow(&process, &settings.tokens);
    let access = Access::new(verifier, redis.clone());

    let database = Database::new(&settings.postgres, process.name())?;
    let publisher = Publisher::start(&process, &settings.rabbitmq);
    let relay = Relay::start(&process, database.clone(), publisher, settings.outbox);
    inbox::keep_pruned(&process, &database);
    let signup_grant = settings.credits.signup_grant;
    process.spawn("balances", balances::run(database.clone(), relay.clone(), signup_grant, process.stopping()));
    let commands = Commands { database: database.clone(), relay, signup_grant: settings.credits.signup_grant };

    let job_events = JobEvents { commands: commands.clone() };
    consume(&process, &settings.rabbitmq, ConsumeFrom::Shared(topology::TASKS_JOB_EVENTS), job_events);
    let eraser = Eraser { commands: commands.clone(), storage: storage.clone(), wanted: Arc::default() };
    let user_events = UserEvents { commands: commands.clone(), erasure: Arc::clone(&eraser.wanted) };
    process.spawn("erasure", eraser.run(process.stopping()));
    consume(&process, &settings.rabbitmq, ConsumeFrom::Shared(topology::TASKS_USER_EVENTS), user_events);
    let watchers = Arc::new(Watchers::default());
    consume(&process, &settings.rabbitmq, own_queue(&watchers), TaskUpdates { watchers: Arc::clone(&watchers) });
    let live = Live::new(watchers, database.clone(), settings.streams, process.stopping());
    access.listen(&process, &settings.rabbitmq);
    forgetting::start(&process, &database);
    if settings.audit.is_on() {
        process.spawn("audit", Auditor::new(database.clone(), settings.audit).run(process.stopping()));
    }

    process.readiness().register("postgres", move || {
        let database = database.clone();
        async move { database.ping().await.map_err(|error| error.to_string()) }
    });
    let app = web::Data::from(Arc::new(App {
        commands,
        storage,
        uploads: UnfinishedUploads::new(settings.uploads),
        links,
        models,
        destinations: settings.webhooks,
        live,
        started: Instant::now(),
    }));
    let authenticator = Authenticator::new(access);
    let limits = RateLimits::new(Limiter::new(settings.limits, redis), authenticator.clone(), http::limit_of);
    let authenticator = web::Data::new(authenticator);
    zoetrope_http::serve(&process, &settings.http, limits, move |routes| {
        routes.app_data(app.clone()).app_data(authenticator.clone()).configure(http::routes);
    })
    .with_context(|| format!("cannot listen on http.listen = {}", settings.http.listen))?;
    Ok(())
}

fn own_queue(watchers: &Arc<Watchers>) -> ConsumeFrom {
    let watchers = Arc::clone(watchers);
    ConsumeFrom::Private {
        prefix: "tasks.live",
        exchange: EVENTS,
        routing_keys: &[TASK_UPDATED],
        // What happened before was not heard.
        on_connected: Arc::new(move || watchers.nudge_all()),
    }
}
