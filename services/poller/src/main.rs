//! The poller: submits jobs to providers, follows them to their end, and keeps their results.
//!
//! It takes `SubmitJob` and `CancelJob` from the bus, owns the schema `poller`, and answers with numbered events through its outbox. It has
//! no public port. Any number of replicas share the work:
//!
//! * [`commands`]: messages become rows;
//! * [`scheduler`]: due rows are claimed under leases, in lanes;
//! * [`work`]: what is done with a claimed job;
//! * [`provider`]: how providers are spoken to;
//! * [`gate`]: when they may be spoken to;
//! * [`job`]: what follows from an outcome, as pure rules;
//! * [`store`]: the rows;
//! * [`replicas`], [`durations`]: how many processes share the work, and how long each model takes, as all of them learn it from the table;
//! * [`forgetting`]: what becomes of old jobs;
//! * [`jobs_command`]: what an operator can ask.
//!
//! A job goes through these states; at any live one it can be cancelled, and from most it can fail:
//!
//! ```text
//! pending ⇄ submitting → polling → archiving → succeeded
//!               ↓           ↑
//!           unconfirmed ────┘
//! ```
//!
//! Cancelled while its task goes on, a job that the provider has is `cancelling` until the provider confirms, or turns out to have
//! finished: `polling → cancelling → cancelled`, or `→ archiving`. Cancelled when its task has ended, it is `deleting` until nothing is
//! left of it: `polling`, `archiving` or `succeeded` `→ deleting → cancelled`. What no provider has is `cancelled` at once. A job that fails
//! while it is archived may have left a file: its failure is told at once, and then `archiving → deleting → failed`.

mod application;
mod census;
mod commands;
mod durations;
mod error;
mod events;
mod forgetting;
mod gate;
mod job;
mod jobs_command;
mod order;
mod provider;
mod replicas;
mod scheduler;
mod settings;
mod store;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use zoetrope_bus::{dead_letters::DeadLettersCommand, topology};
use zoetrope_service::ConfigArgs;

use crate::jobs_command::JobsArgs;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Submits jobs to providers and follows them to their end.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service
    Serve,
    /// Bring the database schema up to date
    Migrate,
    Jobs(JobsArgs),
    /// Deal with commands that could not be handled
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
}

fn main() -> ExitCode {
    let Cli { config, command } = Cli::parse();
    match command {
        Command::Serve => zoetrope_service::serve("poller", &config, application::build),
        Command::Jobs(args) => zoetrope_service::answer("poller", &config, |settings| jobs_command::run(settings, args)),
        Command::Migrate => zoetrope_service::once("poller", &config, application::migrate),
        Command::DeadLetters(command) => command.answer("poller", &config, &[topology::POLLER_COMMANDS]),
    }
}
