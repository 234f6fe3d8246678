//! `bench login`: how many users sign in per second, and what everybody else notices of it.
//!
//! Clients sign in without pause, each as a user of its own, through the gateway, while somebody else asks who is signed in. Beside it, as
//! many threads as there are processors compare passwords by the same library at the same costs, and that is all they do. Both have their
//! turns several times, and the medians are compared.

mod bare;
mod report;
mod storm;

use std::io::{self, Write};

use anyhow::{Result, ensure};
use clap::Args;
use zoetrope_testing::{Platform, Servers, Service, User};

use crate::{conditions::Conditions, progress::Progress};
use bare::Bare;
use storm::Storm;

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Clients that each sign in again and again
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub clients: u16,
    /// Seconds that are counted, each time
    #[arg(long, default_value_t = 15.0)]
    pub seconds: f64,
    /// Seconds before them
    #[arg(long, default_value_t = 3.0)]
    pub warm_up: f64,
    /// How often each has its turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rounds: u16,
    /// What a hash costs: KiB of memory
    #[arg(long, default_value_t = 19_456)]
    pub memory_kib: u32,
    /// What a hash costs: passes over the memory
    #[arg(long, default_value_t = 2)]
    pub iterations: u32,
}

/// Services that have no part in a sign-in.
const BYSTANDERS: [Service; 2] = [Service::Poller, Service::ProviderSim];

pub async fn run(options: &Options) -> Result<()> {
    ensure!(options.seconds >= 1.0 && options.warm_up >= 0.0, "--seconds is at least 1");
    let mut conditions = Conditions::read();
    let progress = Progress::start();
    progress.say("starts the platform");
    let mut builder = Platform::builder()
        .servers(Servers::from_environment("ZOETROPE_BENCH")?)
        .setting(Service::Auth, "telemetry.format", "json")
        .setting(Service::Auth, "passwords.memory_kib", i64::from(options.memory_kib))
        .setting(Service::Auth, "passwords.iterations", i64::from(options.iterations));
    for service in BYSTANDERS {
        builder = builder.replicas(service, 0);
    }
    let platform = builder.start().await?;
    conditions.ask_servers(platform.servers(), &platform.database().await?).await?;
    let mut users: Vec<User> = Vec::new();
    for _ in 0..options.clients {
        users.push(platform.user().await?);
    }
    let onlooker = platform.user().await?;

    progress.say(format_args!("nobody signs in ({:.0} s)", options.warm_up + options.seconds));
    let quiet = storm::onlook(&platform, &onlooker, options).await?;
    let (mut storms, mut bare): (Vec<Storm>, Vec<Bare>) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        progress.say(format_args!("bare Argon2 ({:.0} s)", options.warm_up + options.seconds));
        bare.push(bare::measure(options).await?);
        progress.say(format_args!("{} clients sign in ({:.0} s)", options.clients, options.warm_up + options.seconds));
        storms.push(storm::measure(&platform, &users, &onlooker, options).await?);
    }
    write!(io::stdout(), "{}", report::Report { options, conditions, quiet, storms, bare })?;
    Ok(())
}
