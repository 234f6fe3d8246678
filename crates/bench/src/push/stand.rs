use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use tokio::time::{Instant, sleep};
use url::Url;
use zoetrope_testing::{Platform, Service, eventually};

use super::{
    Options,
    arrivals::Arrivals,
    crowd::{Pace, Request, Seat},
    news::Clock,
    restart, settings,
    tasks::{Bus, Owner, Task},
};
use crate::progress::Progress;

/// For the notifier to write down what was published.
const STORING: Duration = Duration::from_secs(180);
/// For it to notice that clients are gone.
const CLOSING: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// What runs, and who watches it.
pub struct Stand {
    pub platform: Platform,
    /// As the superuser.
    pub database: tokio_postgres::Client,
    pub bus: Bus,
    pub owners: Vec<Owner>,
    pub clock: Clock,
    pub arrivals: Arc<Arrivals>,
    pub progress: Progress,
}

impl Stand {
    pub async fn start(options: &Options) -> Result<Self> {
        let progress = Progress::start();
        progress.say(format_args!("starts the notifier, and registers {} users", options.users));
        let mut platform = settings::platform()?.start().await?;
        let mut owners = Vec::new();
        for _ in 0..options.users {
            owners.push(Owner::register(&platform).await?);
        }
        for service in [Service::Auth, Service::TaskApi] {
            platform.process(service, 0)?.terminate().await?;
        }
        for replica in 1..restart::REPLICAS {
            platform.process(Service::Notifier, replica.into())?.terminate().await?;
        }
        let (database, clock) = (platform.database().await?, Clock::start());
        let bus = Bus::connect(&platform, clock).await?;
        Ok(Self { platform, database, bus, owners, clock, arrivals: Arc::new(Arrivals::new(clock)), progress })
    }

    /// Tasks that the notifier knows, divided among the users, those of the same user side by side.
    pub async fn tasks(&self, count: u32) -> Result<Vec<Task>> {
        let count = count as usize;
        let owner = |number: usize| self.owners.get(number * self.owners.len() / count).context("no users");
        let mut tasks = (0..count).map(|number| Ok(Task::new(owner(number)?))).collect::<Result<Vec<_>>>()?;
        for task in &mut tasks {
            self.bus.progress(task, "").await?;
        }
        self.await_stored(&tasks).await?;
        Ok(tasks)
    }

    /// A client of each task's owner that follows it.
    pub fn seats(&self, tasks: &[Task]) -> Vec<Seat> {
        let request = |task: &Task| Request { token: task.owner.token.clone(), videos: vec![task.video_id()] };
        tasks.iter().map(|task| Seat { request: Some(request(task)), pace: Pace::Prompt }).collect()
    }

    /// Waits until the newest states of these tasks are in the notifier's table, so that nothing of it falls into what comes next.
    pub async fn await_stored(&self, tasks: &[Task]) -> Result<()> {
        self.bus.confirmed().await?;
        let started = Instant::now();
        let ids: Vec<String> = tasks.iter().map(|task| task.id.to_string()).collect();
        let versions = tasks.iter().map(|task| Ok(i64::try_from(task.version())?)).collect::<Result<Vec<_>>>()?;
        let query = "SELECT count(*) FROM unnest($1::text[], $2::bigint[]) AS told (task_id, version)
                     JOIN notifier.task_states AS known ON known.task_id = told.task_id::uuid AND known.version >= told.version";
        loop {
            let stored: i64 = self.database.query_one(query, &[&ids, &versions]).await?.get(0);
            if usize::try_from(stored)? == tasks.len() {
                return Ok(());
            }
            if started.elapsed() > STORING {
                bail!("the notifier has stored {stored} of {} tasks after {STORING:?}", tasks.len());
            }
            sleep(LOOK).await;
        }
    }

    /// Begins with a notifier that has served nobody yet.
    pub async fn renew_notifier(&mut self) -> Result<()> {
        let notifier = self.platform.process(Service::Notifier, 0)?;
        notifier.terminate().await?;
        notifier.start()?;
        notifier.ready().await
    }

    /// Where the notifier listens, past the gateway.
    pub fn notifier(&mut self) -> Result<SocketAddr> {
        address(&self.platform.process(Service::Notifier, 0)?.url())
    }

    pub fn gateway(&self) -> Result<SocketAddr> {
        address(&self.platform.gateway_url())
    }

    pub fn notifier_id(&mut self) -> Result<u32> {
        self.platform.process(Service::Notifier, 0)?.id().context("the notifier does not run")
    }

    /// One of the notifier's figures, with its labels; 0 before it was counted.
    pub async fn figure(&mut self, name: &str) -> Result<f64> {
        let metrics = self.platform.process(Service::Notifier, 0)?.metrics().await?;
        Ok(metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or_default())
    }

    /// Waits until the notifier knows that all clients are gone.
    pub async fn await_empty(&mut self) -> Result<()> {
        let notifier = self.platform.process(Service::Notifier, 0)?;
        eventually("the end of all connections", CLOSING, async || {
            let metrics = notifier.metrics().await?;
            ensure!(metrics.lines().any(|line| line == "zoetrope_notifier_connections 0"), "there are some");
            Ok(())
        })
        .await
    }
}

fn address(url: &str) -> Result<SocketAddr> {
    let url = Url::parse(url)?;
    let host = url.host_str().context("no host")?;
    Ok(format!("{host}:{}", url.port().context("no port")?).parse()?)
}
