use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::time::sleep;
use zoetrope_testing::{Server, Service};

use super::{
    Options, Stand,
    jobs::{self, Job},
};
use crate::{
    histogram::Histogram,
    processes::{Usage, Watched, machine_busy},
    samples::Samples,
};

const LATENESS: &str = "zoetrope_poller_poll_lateness_seconds";
/// Time to make the jobs due and to start the pollers, for each job and at least.
const PREPARATION_PER_JOB: f64 = 0.0001;
const PREPARATION: f64 = 6.0;

/// What so many replicas did in the time that was counted: first only polls, as the bare loop does, then polls while jobs complete and
/// their results are stored.
#[derive(Debug)]
pub struct Phase {
    pub replicas: u16,
    /// Length of the first part.
    pub seconds: f64,
    /// In the first part, as the provider counted them.
    pub polls: u64,
    /// In both parts, of all replicas together.
    pub lateness: Histogram,
    /// Polls of each replica in both parts.
    pub shares: Vec<u64>,
    /// CPU seconds for each second of the second part.
    pub storing_cpu: f64,
    /// CPU seconds in the first part.
    pub pollers_cpu: f64,
    pub postgres_cpu: f64,
    pub simulator_cpu: f64,
    pub machine_cpu: f64,
    /// The most that each replica had.
    pub pollers_memory: Vec<f64>,
    pub postgres_memory: f64,
    pub simulator_memory: f64,
    /// Jobs at the end that were due and not polled, and for how long the first of them had been, in seconds.
    pub overdue: (i64, f64),
    /// Seconds from the provider's completion to the stored state.
    pub completion_delays: Samples,
    /// Jobs that the provider completed and that were still not stored an interval later.
    pub not_stored: usize,
}

/// Follows the jobs with this many replicas, and counts.
pub async fn measure(stand: &mut Stand, options: &Options, replicas: u16, completing: u32) -> Result<Phase> {
    let begin = jobs::now() + PREPARATION + PREPARATION_PER_JOB * f64::from(options.jobs);
    let completing = submit_completing(stand, options, begin + options.warm_up + options.window, completing).await?;
    jobs::insert(&stand.database, &completing).await?;
    stand.progress.say(format_args!("makes {} jobs due within {:.0} s", options.jobs, options.interval));
    jobs::spread(&stand.database, begin, options.interval()).await?;
    for replica in 0..replicas {
        stand.platform.process(Service::Poller, replica.into())?.start()?;
    }
    for replica in 0..replicas {
        stand.platform.process(Service::Poller, replica.into())?.ready().await?;
    }
    let late = jobs::now() - begin;
    if late > 0.0 {
        stand.progress.say(format_args!("the first jobs have been due for {late:.0} s already: this machine is slow"));
    }
    let warm_up = Duration::from_secs_f64((options.warm_up - late).max(0.0));
    stand.progress.wait(&format!("warms up with {replicas} of the poller"), warm_up).await;

    let before = Reading::take(stand, replicas).await?;
    let window = Duration::from_secs_f64(options.window);
    stand.progress.wait("counts polls", window).await;
    let after = Reading::take(stand, replicas).await?;
    stand.progress.wait("counts polls while jobs complete", window).await;
    let end = Reading::take(stand, replicas).await?;
    let overdue = overdue(stand).await?;
    let (completion_delays, not_stored) = await_stored(stand, options, &completing).await?;
    let peaks = Reading::take(stand, replicas).await?;
    for replica in 0..replicas {
        stand.platform.process(Service::Poller, replica.into())?.terminate().await?;
    }

    let lateness: Vec<Histogram> = end.lateness.iter().zip(&before.lateness).map(|(end, before)| end.since(before)).collect();
    let cpu = |of: fn(&Reading) -> &Usage| of(&after).cpu_since(of(&before));
    Ok(Phase {
        replicas,
        seconds: (after.at - before.at).as_secs_f64(),
        polls: after.polls - before.polls,
        shares: lateness.iter().map(Histogram::count).collect(),
        lateness: lateness.iter().fold(Histogram::default(), Histogram::with),
        storing_cpu: end.pollers_cpu_since(&after) / (end.at - after.at).as_secs_f64(),
        pollers_cpu: after.pollers_cpu_since(&before),
        postgres_cpu: cpu(|reading| &reading.postgres),
        simulator_cpu: cpu(|reading| &reading.simulator),
        machine_cpu: after.machine - before.machine,
        pollers_memory: peaks.pollers.iter().map(|usage| usage.peak_memory).collect(),
        postgres_memory: after.postgres.memory,
        simulator_memory: after.simulator.memory,
        overdue,
        completion_delays,
        not_stored,
    })
}

/// Submits jobs that the provider completes within a window's time, evenly spread.
async fn submit_completing(stand: &Stand, options: &Options, from: f64, count: u32) -> Result<Vec<Job>> {
    let now = jobs::now();
    let part = |number: u32| f64::from(number) / f64::from(count);
    let durations: Vec<f64> = (0..count).map(|number| from - now + options.window * part(number)).collect();
    jobs::submit(&stand.simulator, &durations).await
}

async fn overdue(stand: &Stand) -> Result<(i64, f64)> {
    let row = stand
        .database
        .query_one(
            "SELECT count(*), coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 FROM poller.jobs
             WHERE state = 'polling' AND due_at < now()",
            &[],
        )
        .await?;
    Ok((row.get(0), row.get(1)))
}

/// Waits until the jobs that were completed are stored, for little more than an interval; tells how long it took from their completion,
/// and how many are not.
async fn await_stored(stand: &Stand, options: &Options, completing: &[Job]) -> Result<(Samples, usize)> {
    let patience = options.interval() + Duration::from_secs(10);
    stand.progress.say(format_args!("waits until what was completed is stored (up to {:.0} s)", patience.as_secs_f64()));
    let started = Instant::now();
    let ids: Vec<&str> = completing.iter().map(|job| job.external_id.as_str()).collect();
    loop {
        let rows = stand
            .database
            .query(
                "SELECT external_id, extract(epoch FROM state_since)::float8 FROM poller.jobs
                 WHERE external_id = ANY($1) AND state = 'succeeded'",
                &[&ids],
            )
            .await?;
        if rows.len() < ids.len() && started.elapsed() < patience {
            sleep(Duration::from_secs(1)).await;
            continue;
        }
        let stored: HashMap<&str, f64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let delays = completing.iter().filter_map(|job| Some(stored.get(job.external_id.as_str())? - job.ends_at)).collect();
        return Ok((delays, ids.len() - rows.len()));
    }
}

/// All figures at one moment.
struct Reading {
    at: Instant,
    polls: u64,
    lateness: Vec<Histogram>,
    pollers: Vec<Usage>,
    postgres: Usage,
    simulator: Usage,
    machine: f64,
}

impl Reading {
    fn pollers_cpu_since(&self, before: &Self) -> f64 {
        self.pollers.iter().zip(&before.pollers).map(|(after, before)| after.cpu_since(before)).sum()
    }

    async fn take(stand: &mut Stand, replicas: u16) -> Result<Self> {
        let (mut lateness, mut pollers) = (Vec::new(), Vec::new());
        for replica in 0..replicas {
            let process = stand.platform.process(Service::Poller, replica.into())?;
            let metrics = reqwest::get(format!("{}/metrics", process.internal_url())).await?.error_for_status()?.text().await?;
            lateness.push(Histogram::read(&metrics, LATENESS));
            pollers.push(Watched::one(process.id().unwrap_or_default()).usage()?);
        }
        let simulator = stand.platform.process(Service::ProviderSim, 0)?.id().unwrap_or_default();
        Ok(Self {
            polls: stand.simulator.polls().await?,
            postgres: Watched::family(stand.platform.servers().process_id(Server::Postgres)?).usage()?,
            simulator: Watched::one(simulator).usage()?,
            machine: machine_busy()?,
            at: Instant::now(),
            lateness,
            pollers,
        })
    }
}
