//! `bench push`: what the notifier costs for a connection that waits, and how soon news reaches those who follow.
//!
//! The clients are many WebSockets of this process, each no more than its TCP stream, from several loopback addresses. The tasks they
//! follow are made up here: their changes are published to the bus as task-api publishes them, and the moment of it travels in the
//! external id, so that one clock tells the delay. The same frame to the same number of clients by a bare broadcaster is what the
//! notifier is compared with.

mod arrivals;
pub mod broadcaster;
mod crowd;
mod delay;
mod fan_out;
mod follower;
mod frame;
mod idle;
mod link;
mod news;
mod report;
mod restart;
mod settings;
mod stand;
mod tasks;

use std::io::{self, Write};

use anyhow::{Result, ensure};
use clap::Args;
use zoetrope_testing::open_files_limit;

use crate::conditions::Conditions;
use stand::Stand;

/// With this many a connection's cost is known well enough; a machine that allows far more need not be filled.
const MOST_CONNECTIONS: u64 = 18_000;

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Connections that only wait [default: nine tenths of the files that a process may have open, up to 18000]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub connections: Option<u32>,
    /// Connections to which news is pushed
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..))]
    pub clients: u32,
    /// Changes of tasks per second, spread over the tasks of these connections
    #[arg(long, default_value_t = 2_000.0)]
    pub rate: f64,
    /// Seconds that are counted, each time
    #[arg(long, default_value_t = 15.0)]
    pub seconds: f64,
    /// Seconds before them
    #[arg(long, default_value_t = 3.0)]
    pub warm_up: f64,
    /// Slow and stalled readers among the connections, half of each
    #[arg(long, default_value_t = 1_000)]
    pub slow: u32,
    /// How often each has its turn
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub rounds: u16,
    /// Changes in each turn that go to all connections
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub broadcasts: u16,
    /// Users, among whom the connections are divided
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u16).range(1..))]
    pub users: u16,
    /// Clients that follow through the gateway while its replicas are restarted; 0: none are
    #[arg(long, default_value_t = 5_000)]
    pub restart_clients: u32,
    /// Changes of tasks per second meanwhile, each for all clients of its user
    #[arg(long, default_value_t = 200.0)]
    pub restart_rate: f64,
}

impl Options {
    fn connections(&self) -> Result<u32> {
        let allowed = u32::try_from((open_files_limit()? / 10 * 9).min(MOST_CONNECTIONS))?;
        Ok(self.connections.unwrap_or(allowed))
    }

    fn check(&self) -> Result<()> {
        ensure!(self.seconds >= 1.0 && self.warm_up >= 0.0, "--seconds is at least 1");
        ensure!(self.rate >= 1.0 && self.restart_rate >= 1.0, "--rate and --restart-rate are at least 1");
        ensure!(self.slow < self.clients, "--slow is less than --clients");
        let most = u64::from(self.clients.max(self.connections()?));
        let limit = open_files_limit()?;
        ensure!(most + 100 < limit, "{most} connections are more than the limit of {limit} open files allows");
        Ok(())
    }
}

pub async fn run(options: &Options) -> Result<()> {
    options.check()?;
    let mut conditions = Conditions::read();
    conditions.add("open files", format!("{} for each process", open_files_limit()?));
    let mut stand = Stand::start(options).await?;
    conditions.ask_servers(stand.platform.servers(), &stand.database).await?;

    let idle = idle::measure(&mut stand, options).await?;
    let delays = delay::measure(&mut stand, options).await?;
    let fan_outs = fan_out::measure(&mut stand, options).await?;
    let restarts = restart::measure(&mut stand, options).await?;

    write!(io::stdout(), "{}", report::Report { options, conditions, idle, delays, fan_outs, restarts })?;
    Ok(())
}
