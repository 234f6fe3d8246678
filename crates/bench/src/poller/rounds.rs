use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::sleep;
use zoetrope_testing::{Service, eventually};

use super::{
    Options, Stand,
    jobs::{self, Job},
};

/// The poller looks for due jobs that nobody told it of this often, which it must have done before a round begins.
const SWEEP: f64 = 5.0;
/// Longest time from the provider's last answer to its record.
const RECORDING: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(5);

/// The times of the rounds, in seconds: from the moment when all of its jobs are due until the provider has been asked for all of them.
pub async fn measure(stand: &mut Stand, options: &Options, jobs: &[Job]) -> Result<Vec<f64>> {
    if options.rounds == 0 {
        return Ok(Vec::new());
    }
    stand.progress.say(format_args!(
        "{} rounds of {} jobs, with a provider that takes {:.0} ms",
        options.rounds,
        options.round_jobs,
        options.round_latency * 1000.0
    ));
    jobs::postpone(&stand.database).await?;
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
    Ok(times)
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
    let time = jobs::now() - begin;
    await_recorded(stand, ids).await?;
    Ok(time)
}

/// Waits until the poller has recorded what it heard: to record it later would undo what the next round makes due.
async fn await_recorded(stand: &Stand, ids: &[String]) -> Result<()> {
    let query = "SELECT count(*) FROM poller.jobs WHERE task_id = ANY($1::text[]::uuid[]) AND lease_token IS NOT NULL";
    eventually("the record of a round", RECORDING, async || {
        let leased: i64 = stand.database.query_one(query, &[&ids]).await?.get(0);
        ensure!(leased == 0, "{leased} jobs are in hand");
        Ok(())
    })
    .await
}
