use std::{
    io::{Write, stderr, stdout},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use zoetrope_bus::{dead_letters::DeadLettersCommand, topology};
use zoetrope_service::{ConfigArgs, answer, once, serve};

use crate::{
    administration::{self, CreateAdminArgs, UserArgs},
    application,
    avatars::isolation,
    http,
    keys::{self, DirectoryArgs, RetireArgs, RotateArgs},
};

const NAME: &str = "auth";
/// The shared queues that are this service's own.
const QUEUES: [&str; 1] = [topology::AUTH_BALANCES];

/// Accounts, sessions and tokens.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API until a signal comes.
    Serve(ConfigArgs),
    /// Bring the schema up to date.
    Migrate(ConfigArgs),
    /// Create an administrator. The password comes from a prompt, or as the first line of standard input.
    CreateAdmin {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        args: CreateAdminArgs,
    },
    /// Shut a user out: end all sessions and API keys, and let nobody sign in.
    Suspend {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        args: UserArgs,
    },
    /// Delete a user: end all sessions and API keys, let nobody sign in, and erase everything when `deletion.erase_after_days` are over.
    DeleteUser {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        args: UserArgs,
    },
    /// Let a user sign in again who was suspended, or deleted and not erased yet.
    Reinstate {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        args: UserArgs,
    },
    /// Deal with news of balances that could not be kept.
    DeadLetters {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(subcommand)]
        command: DeadLettersCommand,
    },
    /// Make a picture from standard input small and harmless; `serve` starts this for each picture.
    #[command(name = isolation::SUBCOMMAND, hide = true)]
    SquarePicture,
    /// Print this service's part of the API description.
    Openapi,
    /// The keys that sign tokens.
    Keys {
        #[command(flatten)]
        config: ConfigArgs,
        #[command(subcommand)]
        command: KeysCommand,
    },
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Make a first key, in a new folder.
    Generate {
        /// Where signing-keys.json and jwks.json go.
        #[arg(long)]
        out: PathBuf,
    },
    /// Show the keys, the newest first.
    List(DirectoryArgs),
    /// Add a key. It is public at once, and signs after a while.
    Rotate(RotateArgs),
    /// Remove a key of which no token is left.
    Retire(RetireArgs),
}

/// Does what the command line says.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(config) => serve(NAME, &config, application::build),
        Command::Migrate(config) => once(NAME, &config, application::migrate),
        Command::CreateAdmin { config, args } => answer(NAME, &config, |settings| administration::create_admin(settings, args)),
        Command::Suspend { config, args } => answer(NAME, &config, |settings| administration::suspend_user(settings, args)),
        Command::DeleteUser { config, args } => answer(NAME, &config, |settings| administration::delete_user(settings, args)),
        Command::Reinstate { config, args } => answer(NAME, &config, |settings| administration::reinstate_user(settings, args)),
        Command::DeadLetters { config, command } => command.answer(NAME, &config, &QUEUES),
        Command::SquarePicture => isolation::run().unwrap_or_else(|error| exit_code(Err(error))),
        Command::Openapi => exit_code(print_description()),
        Command::Keys { command: KeysCommand::Generate { out }, .. } => exit_code(keys::generate(&out)),
        Command::Keys { config, command: KeysCommand::List(args) } => {
            answer(NAME, &config, |settings| keys::list(settings, args))
        }
        Command::Keys { config, command: KeysCommand::Rotate(args) } => {
            answer(NAME, &config, |settings| keys::rotate(settings, args))
        }
        Command::Keys { config, command: KeysCommand::Retire(args) } => {
            answer(NAME, &config, |settings| keys::retire(settings, args))
        }
    }
}

fn print_description() -> anyhow::Result<()> {
    writeln!(stdout(), "{}", http::description().to_pretty_json()?)?;
    Ok(())
}

/// For commands that run before there is any log.
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
