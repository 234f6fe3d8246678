use std::{process::id, time::Duration};

use anyhow::{Result, ensure};
use tokio::time::sleep;
use zoetrope_testing::{Server, Service};

use super::{
    Options, Stand,
    accounts::Accounts,
    clients::{self, Accepted},
    pgbench::{self, Statements},
};
use crate::processes::{Usage, Watched, machine_busy};

/// How the same is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Gateway,
    Direct,
    Pgbench,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Gateway, Self::Direct, Self::Pgbench];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "through the gateway",
            Self::Direct => "task-api itself",
            Self::Pgbench => "pgbench",
        }
    }
}

/// One turn.
#[derive(Debug, Clone)]
pub struct Run {
    pub way: Way,
    pub accepted: Accepted,
    pub cpu: Cpu,
}

/// CPU seconds per second.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    pub task_api: f64,
    pub postgres: f64,
    /// This program, or pgbench.
    pub clients: f64,
    pub machine: f64,
}

impl Run {
    /// Creates per second.
    pub fn rate(&self) -> f64 {
        self.accepted.latencies.len() as f64 / self.accepted.seconds
    }
}

/// One turn with empty tables, of which nothing but creates is left afterwards.
pub async fn measure(stand: &mut Stand, options: &Options, way: Way, statements: &Statements) -> Result<Run> {
    Accounts::reset(&stand.database).await?;
    let run = match way {
        Way::Gateway | Way::Direct => turn(stand, options, way).await?,
        Way::Pgbench => turn_of_pgbench(stand, options, statements).await?,
    };
    check(stand, way).await?;
    Ok(run)
}

/// A turn of the service, with whatever is in the tables and runs beside it.
pub async fn turn(stand: &mut Stand, options: &Options, way: Way) -> Result<Run> {
    say(stand, options, way);
    let url = match way {
        Way::Direct => stand.platform.process(Service::TaskApi, 0)?.url(),
        Way::Gateway | Way::Pgbench => stand.platform.gateway_url(),
    };
    let watch = Watch::new(stand, id())?;
    let (accepted, cpu) = tokio::try_join!(clients::create(&url, &stand.accounts.tokens, options), watch.measure(options))?;
    Ok(Run { way, accepted, cpu })
}

async fn turn_of_pgbench(stand: &mut Stand, options: &Options, statements: &Statements) -> Result<Run> {
    say(stand, options, Way::Pgbench);
    let pgbench = pgbench::start(stand, options, statements)?;
    let watch = Watch::new(stand, pgbench.id().unwrap_or_default())?;
    let (accepted, cpu) = tokio::try_join!(pgbench::finish(stand, options, pgbench), watch.measure(options))?;
    Ok(Run { way: Way::Pgbench, accepted, cpu })
}

fn say(stand: &Stand, options: &Options, way: Way) {
    stand.progress.say(format_args!(
        "{}: {} clients ({:.0} s)",
        way.as_str(),
        options.clients,
        options.warm_up + options.seconds
    ));
}

/// Both ways must have written the same: a task, an entry of the ledger and three messages for each create.
async fn check(stand: &Stand, way: Way) -> Result<()> {
    let row = stand
        .database
        .query_one(
            "SELECT (SELECT count(*) FROM tasks.tasks), (SELECT count(*) FROM tasks.ledger_entries),
                    (SELECT count(*) FROM tasks.outbox WHERE message_type <> 'zoetrope.tasks.v1.BalancesChanged')",
            &[],
        )
        .await?;
    let (tasks, entries, messages): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    ensure!(tasks > 0, "{}: nothing was created", way.as_str());
    ensure!(entries == tasks && messages == 3 * tasks, "{}: {tasks} tasks, {entries} entries, {messages} messages", way.as_str());
    Ok(())
}

/// The processes that do the work of a turn.
struct Watch {
    task_api: Watched,
    postgres: Watched,
    clients: Watched,
}

impl Watch {
    fn new(stand: &mut Stand, clients: u32) -> Result<Self> {
        let task_api = stand.platform.process(Service::TaskApi, 0)?.id().unwrap_or_default();
        Ok(Self {
            task_api: Watched::one(task_api),
            postgres: Watched::family(stand.platform.servers().process_id(Server::Postgres)?),
            clients: Watched::one(clients),
        })
    }

    /// Measures for most of the time that is counted; at its very end, pgbench would be gone.
    async fn measure(&self, options: &Options) -> Result<Cpu> {
        let time = options.seconds * 0.9;
        sleep(Duration::from_secs_f64(options.warm_up)).await;
        let before = self.usages()?;
        let machine_before = machine_busy()?;
        sleep(Duration::from_secs_f64(time)).await;
        let after = self.usages()?;
        let [task_api, postgres, clients] = [0, 1, 2].map(|place: usize| after[place].cpu_since(&before[place]) / time);
        Ok(Cpu { task_api, postgres, clients, machine: (machine_busy()? - machine_before) / time })
    }

    fn usages(&self) -> Result<[Usage; 3]> {
        Ok([self.task_api.usage()?, self.postgres.usage()?, self.clients.usage()?])
    }
}
