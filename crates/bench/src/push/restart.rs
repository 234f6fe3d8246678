use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use uuid::Uuid;
use zoetrope_testing::{Platform, Service};

use super::{
    Options, Stand,
    follower::{Follower, Tally},
    tasks::{Bus, Owner, Task},
};
use crate::samples::Samples;

pub const REPLICAS: u16 = 2;

/// Changes of a task before the one that ends it.
const CHANGES: u64 = 5;
const TICK: Duration = Duration::from_millis(5);
const LOOK: Duration = Duration::from_millis(20);
/// Before a replica is restarted.
const CALM: Duration = Duration::from_secs(5);
/// For all to be connected, or to come back.
const PATIENCE: Duration = Duration::from_secs(60);
/// For the last ends to arrive.
const SETTLING: Duration = Duration::from_secs(15);

/// What followers met while the replicas were restarted, one after the other.
pub struct Restarts {
    pub replicas: Vec<Restart>,
    /// Ends of tasks that followers had to be told of, each for each of its followers, and those that they were not told of.
    pub ends: usize,
    pub missed: usize,
    pub duplicates: usize,
    pub resyncs: usize,
    pub refused: usize,
}

/// One replica was restarted.
pub struct Restart {
    /// Seconds that each client that lost its connection was away.
    pub absences: Samples,
    /// Seconds from the replica's `SIGTERM` until all were back.
    pub all_back: f64,
}

pub async fn measure(stand: &mut Stand, options: &Options) -> Result<Option<Restarts>> {
    if options.restart_clients == 0 {
        return Ok(None);
    }
    stand.progress.say(format_args!("{} clients follow their users through the gateway", options.restart_clients));
    for replica in 0..REPLICAS {
        let notifier = stand.platform.process(Service::Notifier, replica.into())?;
        notifier.terminate().await?;
        notifier.start()?;
        notifier.ready().await?;
    }
    let (tally, (stop, stopping)) = (Arc::new(Tally::default()), watch::channel(false));
    let mut followers = JoinSet::new();
    let (count, address) = (options.restart_clients as usize, stand.gateway()?);
    for number in 0..count {
        let owner = number % stand.owners.len();
        let follower = Follower::new(address, stand.owners[owner].token.clone(), Arc::clone(&tally));
        let stopping = stopping.clone();
        followers.spawn(async move { anyhow::Ok((owner, follower.run(stopping).await?)) });
    }
    await_all(&tally, count).await?;

    let (finish, finishing) = watch::channel(false);
    let Stand { platform, bus, owners, progress, .. } = stand;
    progress.say(format_args!("restarts {REPLICAS} replicas, with {} changes/s", options.restart_rate));
    let (ended, replicas) = tokio::try_join!(publish(bus, owners, options.restart_rate, finishing), async {
        let restarts = restart_all(platform, &tally, count).await;
        finish.send_replace(true);
        restarts
    })?;
    stand.bus.confirmed().await?;
    let ends: usize = (0..count).map(|number| ended.get(&(number % stand.owners.len())).map_or(0, HashSet::len)).sum();
    let settled = Instant::now();
    while tally.ends.load(Ordering::Relaxed) < ends && settled.elapsed() < SETTLING {
        sleep(LOOK).await;
    }
    stop.send_replace(true);
    let mut missed = 0;
    while let Some(follower) = followers.join_next().await {
        let (owner, told) = follower??;
        missed += ended.get(&owner).map_or(0, |ended| ended.difference(&told).count());
    }
    Ok(Some(Restarts {
        replicas,
        ends,
        missed,
        duplicates: tally.duplicates.load(Ordering::Relaxed),
        resyncs: tally.resyncs.load(Ordering::Relaxed),
        refused: tally.refused.load(Ordering::Relaxed),
    }))
}

async fn await_all(tally: &Tally, count: usize) -> Result<()> {
    let all = async {
        while tally.connected.load(Ordering::Relaxed) < count {
            sleep(LOOK).await;
        }
    };
    let came = timeout(PATIENCE, all).await.is_ok();
    ensure!(came, "{} of {count} followers are connected", tally.connected.load(Ordering::Relaxed));
    Ok(())
}

async fn restart_all(platform: &mut Platform, tally: &Tally, count: usize) -> Result<Vec<Restart>> {
    let mut restarts = Vec::new();
    for replica in 0..REPLICAS {
        sleep(CALM).await;
        tally.take_absences();
        let began = Instant::now();
        let notifier = platform.process(Service::Notifier, replica.into())?;
        notifier.terminate().await?;
        notifier.start()?;
        tokio::try_join!(notifier.ready(), await_all(tally, count))?;
        let absences = tally.take_absences();
        let last = absences.iter().map(|absence| absence.back_at).max();
        restarts.push(Restart {
            all_back: last.map_or(0.0, |last| (last - began).as_secs_f64()),
            absences: absences.iter().map(|absence| absence.seconds).collect(),
        });
    }
    sleep(CALM).await;
    Ok(restarts)
}

/// Has each user's task change at an even pace, end after a while, and be followed by another. Returns those that have ended, by the
/// number of their user.
async fn publish(
    bus: &Bus,
    owners: &[Owner],
    rate: f64,
    mut finishing: watch::Receiver<bool>,
) -> Result<HashMap<usize, HashSet<Uuid>>> {
    let mut tasks: Vec<Task> = owners.iter().map(Task::new).collect();
    let mut ended: HashMap<usize, HashSet<Uuid>> = HashMap::new();
    let (started, mut ticks, mut number) = (Instant::now(), interval(TICK), 0_usize);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !*finishing.borrow_and_update() {
        ticks.tick().await;
        while number < (started.elapsed().as_secs_f64() * rate) as usize {
            let owner = number % tasks.len();
            let task = &mut tasks[owner];
            if task.version() < CHANGES {
                bus.progress(task, "").await?;
            } else {
                bus.complete(task).await?;
                ended.entry(owner).or_default().insert(task.id);
                *task = Task::new(&owners[owner]);
            }
            number += 1;
        }
    }
    Ok(ended)
}
