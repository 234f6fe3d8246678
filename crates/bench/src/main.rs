//! `bench`: measures the platform beside the simplest program that does the same work, on the same machine in the same run, so that what
//! is told of the platform is a ratio and not a figure of somebody's machine.
//!
//! * `bench poller`: jobs in flight, followed by one poller and then by more, beside a bare loop of HTTP requests;
//! * `bench create`: tasks accepted by task-api, beside pgbench with the statements of the same transaction;
//! * `bench push`: connections to the notifier, and how soon news reaches them, beside a bare broadcaster on the same WebSocket library;
//! * `bench login`: users who sign in, beside the bare hashing of passwords, and what others notice of it.
//!
//! It runs on servers that `scripts/bench` has started and speaks to the platform as tests do, by `zoetrope-testing`. Speed is no verdict:
//! it fails when something could not be run or counted, never because something was slow.

mod bare;
mod conditions;
mod create;
mod histogram;
mod login;
mod poller;
mod processes;
mod progress;
mod push;
mod samples;
mod simulator;
mod table;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

/// As the services have, so that both sides of a comparison allocate alike.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the platform. Run it by scripts/bench, which starts the servers.
#[derive(Parser)]
#[command(name = "bench", bin_name = "scripts/bench")]
struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// Jobs in flight, followed by the poller
    Poller(poller::Options),
    /// Tasks accepted by task-api
    Create(create::Options),
    /// News that the notifier pushes to many connections
    Push(push::Options),
    /// Users who sign in at auth
    Login(login::Options),
    /// The loop that the poller is compared with
    #[command(hide = true)]
    Bare(bare::Options),
    /// The broadcaster that the notifier is compared with
    #[command(hide = true)]
    Broadcaster,
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Cli::parse().scenario {
        Scenario::Poller(options) => poller::run(&options).await,
        Scenario::Create(options) => create::run(&options).await,
        Scenario::Push(options) => push::run(&options).await,
        Scenario::Login(options) => login::run(&options).await,
        Scenario::Bare(options) => bare::run(options).await,
        Scenario::Broadcaster => push::broadcaster::serve().await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With standard error gone, the exit code is all that is left to tell.
            let _ = writeln!(io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
