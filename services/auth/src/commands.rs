use std::{
    io::{Write, stderr, stdout},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use zoetrope_service::{ConfigArgs, answer, once, serve};

use crate::{
    administration::{self, CreateAdminArgs, UserArgs},
    application, http, keys,
};

const NAME: &str = "auth";

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
    /// Print this service's part of the API description.
    Openapi,
    /// Make a signing key and its public key set.
    Keygen {
        /// Where signing-key.pem and jwks.json go.
        #[arg(long)]
        out: PathBuf,
    },
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
        Command::Openapi => exit_code(print_description()),
        Command::Keygen { out } => exit_code(keys::generate(&out)),
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
