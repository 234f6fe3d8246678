use std::{
    process::id,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::time::{MissedTickBehavior, interval, sleep};
use zoetrope_testing::Server;

use super::{
    Options, Stand,
    crowd::{Crowd, Pace, Seat},
    news::Moment,
    tasks::Task,
};
use crate::{
    processes::{Usage, Watched, machine_busy},
    samples::Samples,
};

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(5);
/// Longest time from the last change to its frame.
const PATIENCE: Duration = Duration::from_secs(5);
/// Apart from most numbers of tasks, so that changes that follow each other are of different users.
const STRIDE: usize = 7919;
/// What a slow reader's connection is filled with: enough that the server must wait for it.
const CHOKING_CHANGES: u32 = 200;
const CHOKING_PAUSE: Duration = Duration::from_millis(50);
const CHOKING_BYTES: usize = 2_000;

/// Figures of the notifier.
const SENT_AWAY: &str = "zoetrope_notifier_closed_total{reason=\"too_slow\"}";
const WRITTEN: &str = "zoetrope_notifier_frames_sent_total{type=\"taskProgress\"}";

/// Whether all clients read what they get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    AllPrompt,
    SomeSlow,
}

/// One turn.
#[derive(Debug, Clone)]
pub struct Run {
    pub readers: Readers,
    /// Changes of tasks that prompt clients follow. Those of which they were not told gave way to newer ones.
    pub published: usize,
    /// Seconds from the publishing to the frame, for prompt clients.
    pub delays: Samples,
    /// The part that the notifier could write of what was to fill the slow clients' connections: less than all, as they are full.
    pub taken: Option<f64>,
    /// Slow clients that the notifier sent away.
    pub sent_away: f64,
    pub cpu: Cpu,
}

/// CPU seconds per second.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    pub notifier: f64,
    pub postgres: f64,
    /// This program: the clients, and what publishes.
    pub clients: f64,
    pub machine: f64,
}

pub async fn measure(stand: &mut Stand, options: &Options) -> Result<Vec<Run>> {
    stand.renew_notifier().await?;
    stand.progress.say(format_args!("makes {} tasks known", options.clients));
    let mut tasks = stand.tasks(options.clients).await?;
    let mut runs = Vec::new();
    for round in 0..options.rounds {
        let mut turns = vec![Readers::AllPrompt];
        if options.slow > 0 {
            turns.push(Readers::SomeSlow);
        }
        if round % 2 == 1 {
            turns.reverse();
        }
        for readers in turns {
            runs.push(turn(stand, options, &mut tasks, readers).await?);
        }
    }
    Ok(runs)
}

async fn turn(stand: &mut Stand, options: &Options, tasks: &mut [Task], readers: Readers) -> Result<Run> {
    let which = match readers {
        Readers::AllPrompt => "all read".to_owned(),
        Readers::SomeSlow => format!("{} are slow or stalled", options.slow),
    };
    let time = options.warm_up + options.seconds;
    stand.progress.say(format_args!("{} changes/s for {} connections, {which} ({time:.0} s)", options.rate, options.clients));
    let sent_away = stand.figure(SENT_AWAY).await?;
    let mut seats = stand.seats(tasks);
    let slow = if readers == Readers::SomeSlow { options.slow as usize } else { 0 };
    let mut choking = choke_seats(&mut seats, &tasks[..slow], stand).await?;
    let mut crowd = Crowd::enter(stand.notifier()?, &seats, &stand.arrivals).await?;
    let taken = if slow > 0 { Some(choke(stand, &mut choking).await? / slow as f64) } else { None };

    let watch = Watch::new(stand)?;
    let (published, cpu) = tokio::try_join!(publish(stand, options, tasks, slow), watch.measure(options))?;
    stand.bus.confirmed().await?;
    stand.arrivals.wait_for(published.len(), PATIENCE).await;
    let from = published.get((options.warm_up * options.rate) as usize * (tasks.len() - slow) / tasks.len()).copied();
    let counted = |moment: Moment| from.is_some_and(|from| moment >= from);
    let delays = stand.arrivals.take().into_iter().filter(|arrival| counted(arrival.published_at)).map(|arrival| arrival.delay);
    let run = Run {
        readers,
        published: published.iter().filter(|moment| counted(**moment)).count(),
        delays: delays.collect(),
        taken,
        sent_away: stand.figure(SENT_AWAY).await? - sent_away,
        cpu,
    };
    crowd.check()?;
    crowd.leave().await;
    stand.await_empty().await?;
    stand.await_stored(tasks).await?;
    stand.arrivals.take();
    Ok(run)
}

/// Makes the first seats slow or stalled, in turn, and has each follow one more task of its user, which is for filling its connection.
async fn choke_seats(seats: &mut [Seat], tasks: &[Task], stand: &Stand) -> Result<Vec<Task>> {
    let mut choking: Vec<Task> = Vec::new();
    for (number, (seat, task)) in seats.iter_mut().zip(tasks).enumerate() {
        if choking.last().is_none_or(|last| last.owner.id != task.owner.id) {
            choking.push(Task::new(&task.owner));
        }
        let extra = choking.last().map(Task::video_id);
        if let Some(request) = &mut seat.request {
            request.videos.extend(extra);
        }
        seat.pace = if number % 2 == 0 { Pace::Stalled } else { Pace::Slow };
    }
    for task in &mut choking {
        stand.bus.progress(task, "").await?;
    }
    stand.await_stored(&choking).await?;
    Ok(choking)
}

/// Returns how many clients' worth of these changes was written.
async fn choke(stand: &mut Stand, tasks: &mut [Task]) -> Result<f64> {
    let before = stand.figure(WRITTEN).await?;
    let padding = "x".repeat(CHOKING_BYTES);
    for _ in 0..CHOKING_CHANGES {
        for task in &mut *tasks {
            stand.bus.progress(task, &padding).await?;
        }
        sleep(CHOKING_PAUSE).await;
    }
    stand.await_stored(tasks).await?;
    Ok((stand.figure(WRITTEN).await? - before) / f64::from(CHOKING_CHANGES))
}

/// Publishes changes at an even pace, of one task after the other. Returns when each was that a prompt client follows.
async fn publish(stand: &Stand, options: &Options, tasks: &mut [Task], slow: usize) -> Result<Vec<Moment>> {
    let time = options.warm_up + options.seconds;
    let (started, mut ticks, mut number) = (Instant::now(), interval(TICK), 0_usize);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut published = Vec::new();
    while started.elapsed().as_secs_f64() < time {
        ticks.tick().await;
        let due = (started.elapsed().as_secs_f64().min(time) * options.rate) as usize;
        while number < due {
            let place = number * STRIDE % tasks.len();
            let moment = stand.bus.progress(&mut tasks[place], "").await?;
            if place >= slow {
                published.push(moment);
            }
            number += 1;
        }
    }
    Ok(published)
}

/// The processes that do the work of a turn.
struct Watch {
    notifier: Watched,
    postgres: Watched,
}

impl Watch {
    fn new(stand: &mut Stand) -> Result<Self> {
        let postgres = stand.platform.servers().process_id(Server::Postgres)?;
        Ok(Self { notifier: Watched::one(stand.notifier_id()?), postgres: Watched::family(postgres) })
    }

    async fn measure(&self, options: &Options) -> Result<Cpu> {
        sleep(Duration::from_secs_f64(options.warm_up)).await;
        let (before, machine, started) = (self.usages()?, machine_busy()?, Instant::now());
        sleep(Duration::from_secs_f64(options.seconds)).await;
        let (after, time) = (self.usages()?, started.elapsed().as_secs_f64());
        let [notifier, postgres, clients] = [0, 1, 2].map(|place: usize| after[place].cpu_since(&before[place]) / time);
        Ok(Cpu { notifier, postgres, clients, machine: (machine_busy()? - machine) / time })
    }

    fn usages(&self) -> Result<[Usage; 3]> {
        Ok([self.notifier.usage()?, self.postgres.usage()?, Watched::one(id()).usage()?])
    }
}
