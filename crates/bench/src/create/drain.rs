use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::time::sleep;
use zoetrope_testing::{Server, Service};

use super::{BYSTANDERS, Options, Stand, run, run::Run, run::Way};

/// How long the outbox may take to become empty.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(100);

/// Creates while everything runs: what is accepted is published, submitted, followed and told at the same time.
#[derive(Debug)]
pub struct Draining {
    pub run: Run,
    /// From the last create until the outbox was empty.
    pub emptied: Duration,
}

pub async fn measure(stand: &mut Stand, options: &Options) -> Result<Draining> {
    stand.progress.say("starts everything again");
    stand.platform.servers().start(Server::RabbitMq).await?;
    for service in BYSTANDERS {
        let process = stand.platform.process(service, 0)?;
        process.start()?;
        process.ready().await?;
    }
    // What is left of the last turn must not be in the way of this one.
    await_empty_outbox(stand).await?;
    let run = run::turn(stand, options, Way::Gateway).await?;
    let ended = Instant::now();
    stand.progress.say("waits until the outbox is empty");
    await_empty_outbox(stand).await?;
    let emptied = ended.elapsed();
    stand.platform.process(Service::Poller, 0)?.kill()?;
    Ok(Draining { run, emptied })
}

async fn await_empty_outbox(stand: &Stand) -> Result<()> {
    let started = Instant::now();
    loop {
        let row = stand.database.query_one("SELECT count(*) FROM tasks.outbox", &[]).await?;
        let left: i64 = row.get(0);
        if left == 0 {
            return Ok(());
        }
        if started.elapsed() > PATIENCE {
            bail!("{left} messages are still in the outbox after {PATIENCE:?}");
        }
        sleep(LOOK).await;
    }
}
