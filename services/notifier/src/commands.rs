use std::{
    io::{Write, stderr, stdout},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use zoetrope_bus::{dead_letters::DeadLettersCommand, topology};
use zoetrope_service::{ConfigArgs, once, serve};

use crate::{application, http};

const NAME: &str = "notifier";

/// The shared queues that are this service's own.
const QUEUES: [&str; 4] =
    [topology::NOTIFIER_FEED, topology::NOTIFIER_MAIL, topology::NOTIFIER_USERS, topology::NOTIFIER_WEBHOOKS];

/// Live updates of tasks.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the WebSocket until a signal comes.
    Serve(ConfigArgs),
    /// Bring the schema up to date.
    Migrate(ConfigArgs),
    /// Print this service's part of the API description.
    Openapi,
    /// Deal with updates and commands that could not be kept.
    DeadLetters {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(subcommand)]
        command: DeadLettersCommand,
    },
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(config) => serve(NAME, &config, application::build),
        Command::Migrate(config) => once(NAME, &config, application::migrate),
        Command::Openapi => exit_code(print_description()),
        Command::DeadLetters { config, command } => command.answer(NAME, &config, &QUEUES),
    }
}

fn print_description() -> anyhow::Result<()> {
    writeln!(stdout(), "{}", http::description().to_pretty_json()?)?;
    Ok(())
}

/// For a command that runs before there is any log.
fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If nobody can be told, the exit code still says it.
            let _ = writeln!(stderr(), "{NAME}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
