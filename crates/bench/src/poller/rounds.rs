use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;
use zoetrope_testing::Service;

use super::{
    Options, Stand,
    jobs::{self, Job},
};
use crate::samples::Samples;

/// The poller looks for due jobs that nobody told it of this often, which it must have done before a round begins.
const SWEEP: f64 = 5.0;
const LOOK: Duration = Duration::from_millis(5);

/// The time of each round, in seconds: from the moment when all of its jobs are due until the provider has been asked for all of them.
pub async fn measure(stand: &mut Stand, options: &Options, jobs: &[Job]) -> Result<Samples> {
    if options.rounds == 0 {
        return Ok(Samples::default());
    }
    stand.progress.say(format_args!(
        "{} rounds of {} jobs, with a provider that takes {:.0} ms",
        options.rounds,
        options.round_jobs,
        options.round_latency * 1000.0
    ));
    stand.database.execute("UPDATE poller.jobs SET due_at = now() + interval '1 day' WHERE due_at IS NOT NULL", &[]).await?;
    stand.simulator.slow_down(options.round_latency).await?;
    let poller = stand.platform.process(Service::Poller, 0)?;
    poller.start()?;
    poller.ready().await?;

    let ids: Vec<String> = jobs.iter().take(options.round_jobs as usize).map(|job| job.task_id.to_string()).collect();
    let mut times = Vec::new();
    for _ in 0..options.rounds {
        times.push(round(stand, options, &ids).await?);
    }
    stand.platform.process(Service::Poller, 0)?.terminate().await?;
    Ok(Samples::new(times))
}

async fn round(stand: &Stand, options: &Options, ids: &[String]) -> Result<f64> {
    let polled = stand.simulator.polls().await? + ids.len() as u64;
    let begin = jobs::now() + SWEEP + 2.0;
    let made_due = stand
        .database
        .execute("UPDATE poller.jobs SET due_at = to_timestamp($1) WHERE task_id = ANY($2::text[]::uuid[])", &[&begin, &ids])
        .await?;
    ensure!(made_due == ids.len() as u64, "a job of the round is gone");
    let limit = begin + 2.0 * options.interval;
    while stand.simulator.polls().await? < polled {
        ensure!(jobs::now() < limit, "a round was not over after two intervals");
        sleep(LOOK).await;
    }
    Ok(jobs::now() - begin)
}
