//! `task-api`: the public API of tasks and credits.
//!
//! It owns the schema `tasks`: tasks, accounts, the ledger. It alone writes a task's public state and a balance, always in one transaction
//! with the messages that tell of it ([`commands`]). It hears from the poller how jobs go and from auth who is new and who is gone ([`consumers`], [`erasure`]), and
//! answers clients of the families `sora_ui` and `sora2` ([`http`]), some of them for as long as a task lives ([`live`]). Finished files are
//! served by signed links.
//!
//! It never calls a provider, and never publishes within a transaction: messages leave through the outbox.

mod app;
mod application;
mod audit;
mod balances;
mod byte_range;
mod commands;
mod consumers;
mod data_url;
mod erasure;
mod forgetting;
mod http;
mod image_bounds;
mod image_type;
mod listing;
mod live;
mod messages;
mod models;
mod openapi;
mod settings;
mod sha256;
mod store;
mod task;
mod uploads;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use zoetrope_bus::{dead_letters::DeadLettersCommand, topology};
use zoetrope_service::{ConfigArgs, check, once, serve};

use crate::{audit::AuditArgs, settings::DatabaseSettings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NAME: &str = "task-api";
const QUEUES: &[&str] = &[topology::TASKS_JOB_EVENTS, topology::TASKS_USER_EVENTS];
const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/tasks");

/// The public API of tasks and credits.
#[derive(Parser)]
#[command(name = NAME, version)]
struct Cli {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve requests until told to stop.
    Serve,
    /// Bring the schema up to date.
    Migrate,
    /// Check tasks and credits, on a live database and without holding anybody up.
    ///
    /// The exit code is 0 when everything is as it must be, 1 when something is not, and 2 when it could not be found out, as when the
    /// database is away.
    Audit(AuditArgs),
    /// Print this service's part of the API description.
    Openapi,
    /// Deal with events that could not be handled.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Serve => serve(NAME, &cli.config, application::build),
        Command::Migrate => once(NAME, &cli.config, migrate),
        Command::Audit(args) => check(NAME, &cli.config, |settings| audit::run(settings, args)),
        Command::Openapi => print_description(),
        Command::DeadLetters(command) => command.answer(NAME, &cli.config, QUEUES),
    }
}

async fn migrate(settings: DatabaseSettings) -> anyhow::Result<()> {
    let applied = zoetrope_postgres::migrate(&settings.postgres, MIGRATIONS).await?;
    tracing::info!(?applied, "the schema is up to date");
    Ok(())
}

fn print_description() -> ExitCode {
    let printed = openapi::description()
        .to_pretty_json()
        .map_err(std::io::Error::from)
        .and_then(|json| writeln!(std::io::stdout(), "{json}"));
    if printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
