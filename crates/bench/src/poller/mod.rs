//! `bench poller`: many jobs in flight at a fixed interval.
//!
//! Only what the poller needs runs beside it: PostgreSQL, RabbitMQ, Redis and the simulated provider. The jobs are put where a poller
//! would have put them: submitted to the provider, and written into its table. Then they are followed by one replica, by more of them,
//! and by a loop that does nothing but poll.

mod jobs;
mod phase;
mod report;
mod rounds;
mod settings;

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use zoetrope_testing::{Platform, Service};

use crate::{bare, conditions::Conditions, progress::Progress, simulator::Simulator};

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Jobs in flight
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: u32,
    /// Seconds between two polls of a job
    #[arg(long, default_value_t = 30.0)]
    pub interval: f64,
    /// Seconds that are counted, for each number of replicas, and once more while jobs complete
    #[arg(long, default_value_t = 60.0)]
    pub window: f64,
    /// Seconds before them
    #[arg(long, default_value_t = 15.0)]
    pub warm_up: f64,
    /// Counts with one replica, with two, and so on up to this many
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=8))]
    pub replicas: u16,
    /// Part of the jobs that the provider completes in the second window
    #[arg(long, default_value_t = 0.02)]
    pub completing: f64,
    /// Seconds that the provider takes for the others. A hundredth of it is one percent of progress, which is news that the poller
    /// publishes
    #[arg(long, default_value_t = 86_400.0)]
    pub duration: f64,
    /// Seconds of each bare loop
    #[arg(long, default_value_t = 15.0)]
    pub bare_seconds: f64,
    /// Polls that the bare loops have under way at the same time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub bare_in_flight: u16,
    /// Rounds of jobs that are all due at the same moment
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// Jobs of a round
    #[arg(long, default_value_t = 500)]
    pub round_jobs: u32,
    /// Seconds that the provider takes to answer in a round
    #[arg(long, default_value_t = 0.1)]
    pub round_latency: f64,
}

impl Options {
    fn interval(&self) -> Duration {
        Duration::from_secs_f64(self.interval)
    }

    /// Polls per second when none is late.
    fn due_rate(&self) -> f64 {
        f64::from(self.jobs) / self.interval
    }

    fn check(&self) -> Result<()> {
        let times = [self.interval, self.window, self.bare_seconds];
        ensure!(times.iter().all(|time| *time >= 1.0), "--interval, --window and --bare-seconds are at least 1 second");
        ensure!((0.0..=1.0).contains(&self.completing), "--completing is from 0 to 1");
        ensure!(self.round_jobs <= self.jobs, "--round-jobs is at most --jobs");
        ensure!((1.0..=86_400.0).contains(&self.duration), "--duration is from 1 to 86400 seconds");
        Ok(())
    }
}

/// What runs, and who watches it.
struct Stand {
    platform: Platform,
    database: tokio_postgres::Client,
    simulator: Simulator,
    progress: Progress,
}

pub async fn run(options: &Options) -> Result<()> {
    options.check()?;
    let mut conditions = Conditions::read();
    let mut stand = start(options).await?;
    conditions.ask_servers(stand.platform.servers(), &stand.database).await?;

    let completing_per_phase = (f64::from(options.jobs) * options.completing / f64::from(options.replicas)) as u32;
    let long = options.jobs - completing_per_phase * u32::from(options.replicas);
    stand.progress.say(format_args!("submits {long} videos"));
    let lasting = jobs::submit(&stand.simulator, &vec![options.duration; long as usize]).await?;
    stand.progress.say("writes their jobs");
    jobs::insert(&stand.database, &lasting).await?;

    let mut phases = Vec::new();
    for replicas in 1..=options.replicas {
        phases.push(phase::measure(&mut stand, options, replicas, completing_per_phase).await?);
    }
    let paced = bare_loop(&stand, options, &lasting, options.due_rate()).await?;
    let unpaced = bare_loop(&stand, options, &lasting, 0.0).await?;
    let rounds = rounds::measure(&mut stand, options, &lasting).await?;

    let report = report::Report { options, conditions, phases, paced, unpaced, rounds };
    write!(io::stdout(), "{report}")?;
    Ok(())
}

async fn start(options: &Options) -> Result<Stand> {
    let progress = Progress::start();
    progress.say("starts the provider and the pollers");
    let mut platform = settings::platform(options)?.start().await?;
    for replica in 0..options.replicas {
        platform.process(Service::Poller, replica.into())?.terminate().await?;
    }
    let simulator = Simulator::new(platform.process(Service::ProviderSim, 0)?.url());
    simulator.make_clip().await?;
    let database = platform.database().await?;
    Ok(Stand { platform, database, simulator, progress })
}

async fn bare_loop(stand: &Stand, options: &Options, jobs: &[jobs::Job], rate: f64) -> Result<bare::Outcome> {
    let ids = stand.platform.directory().join("videos");
    write_ids(&ids, jobs)?;
    let pace = if rate > 0.0 { format!("{rate:.0} polls/s") } else { "as fast as it can".to_owned() };
    stand.progress.say(format_args!("runs the bare loop, {pace} ({:.0} s)", options.bare_seconds));
    let options = bare::Options {
        url: stand.simulator.url().to_owned(),
        ids,
        in_flight: options.bare_in_flight.into(),
        seconds: options.bare_seconds,
        rate,
    };
    bare::run_apart(&options).await
}

fn write_ids(path: &PathBuf, jobs: &[jobs::Job]) -> Result<()> {
    let ids: String = jobs.iter().map(|job| format!("{}\n", job.external_id)).collect();
    fs::write(path, ids).with_context(|| path.display().to_string())
}
