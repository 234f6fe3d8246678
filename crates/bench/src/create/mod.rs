//! `bench create`: how many tasks are accepted per second.
//!
//! What is measured is the accepted create alone: the poller, the notifier and the provider are stopped, and so is RabbitMQ, so that what
//! is accepted waits in the outbox, as it does in the table that pgbench writes. The same clients call through the gateway and
//! task-api itself; pgbench runs the statements of the same transaction on the same tables. Each has its turn several times, in
//! changing order, and the medians are compared. Once more everything runs, and is drained.

mod accounts;
mod clients;
mod drain;
mod pgbench;
mod report;
mod run;

use std::io::{self, Write};

use anyhow::{Result, ensure};
use clap::Args;
use zoetrope_testing::{Platform, Server, Servers, Service};

use crate::{conditions::Conditions, progress::Progress, simulator::KEY};
use accounts::Accounts;
use run::{Run, Way};

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Clients that each send one request after the other
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub clients: u16,
    /// Users of each client, whom no other client calls for
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub users: u16,
    /// Seconds that are counted, each time
    #[arg(long, default_value_t = 15.0)]
    pub seconds: f64,
    /// Seconds before them
    #[arg(long, default_value_t = 3.0)]
    pub warm_up: f64,
    /// How often each has its turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rounds: u16,
    /// With rate limits switched off, to see what they cost
    #[arg(long)]
    pub without_limits: bool,
}

/// Services that have no part in accepting a create.
const BYSTANDERS: [Service; 3] = [Service::Poller, Service::Notifier, Service::ProviderSim];

/// What runs, and who watches it.
struct Stand {
    platform: Platform,
    /// As the superuser.
    database: tokio_postgres::Client,
    accounts: Accounts,
    progress: Progress,
}

pub async fn run(options: &Options) -> Result<()> {
    ensure!(options.seconds >= 1.0 && options.warm_up >= 0.0, "--seconds is at least 1");
    let mut conditions = Conditions::read();
    let mut stand = start(options).await?;
    conditions.ask_servers(stand.platform.servers(), &stand.database).await?;

    stand.progress.say("stops whatever has no part in accepting a create");
    for service in BYSTANDERS {
        stand.platform.process(service, 0)?.terminate().await?;
    }
    stand.platform.servers().stop(Server::RabbitMq).await?;
    let statements = pgbench::Statements::of_an_accepted_create(&stand, options).await?;
    let mut runs: Vec<Run> = Vec::new();
    for round in 0..options.rounds {
        for turn in 0..Way::ALL.len() {
            let way = Way::ALL[(usize::from(round) + turn) % Way::ALL.len()];
            runs.push(run::measure(&mut stand, options, way, &statements).await?);
        }
    }
    let draining = drain::measure(&mut stand, options).await?;

    write!(io::stdout(), "{}", report::Report { options, conditions, runs, draining })?;
    Ok(())
}

async fn start(options: &Options) -> Result<Stand> {
    let progress = Progress::start();
    progress.say("starts the platform");
    let platform = Platform::builder()
        .servers(Servers::from_environment("ZOETROPE_BENCH")?)
        .setting(Service::TaskApi, "telemetry.format", "json")
        .setting(Service::TaskApi, "limits.enabled", !options.without_limits)
        .setting(Service::Auth, "sessions.access_token_seconds", 7_200)
        .setting(Service::Poller, "telemetry.format", "json")
        .setting(Service::Poller, "providers.openai.api_key", KEY)
        .setting(Service::Notifier, "telemetry.format", "json")
        .setting(Service::ProviderSim, "telemetry.filter", "warn")
        .setting(Service::ProviderSim, "simulation.api_keys", vec![KEY])
        .start()
        .await?;
    let database = platform.database().await?;
    let accounts = Accounts::open(&platform, &database, options).await?;
    Ok(Stand { platform, database, accounts, progress })
}
