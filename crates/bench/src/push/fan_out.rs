use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

use super::{
    Options, Stand,
    broadcaster::Broadcaster,
    crowd::{Crowd, Pace, Seat},
    news::{Moment, restamp},
};

/// For one change to reach everybody.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(500);

/// Who tells everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    Notifier,
    Bare,
}

impl Teller {
    pub const ALL: [Self; 2] = [Self::Notifier, Self::Bare];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notifier => "notifier",
            Self::Bare => "bare",
        }
    }
}

/// One change, told to everybody.
#[derive(Debug, Clone, Copy)]
pub struct FanOut {
    pub teller: Teller,
    /// Seconds until half of the clients, and all, had read it.
    pub half: f64,
    pub all: f64,
}

pub async fn measure(stand: &mut Stand, options: &Options) -> Result<Vec<FanOut>> {
    stand.renew_notifier().await?;
    let mut measured = Vec::new();
    for round in 0..options.rounds {
        // The notifier first at the beginning: the other tells a frame of its.
        let first = usize::from(round % 2);
        for teller in [Teller::ALL[first], Teller::ALL[1 - first]] {
            stand.progress.say(format_args!("{}: one change for {} connections", teller.as_str(), options.clients));
            match teller {
                Teller::Notifier => of_notifier(stand, options, &mut measured).await?,
                Teller::Bare => of_broadcaster(stand, options, &mut measured).await?,
            }
        }
    }
    Ok(measured)
}

/// All connections are of one user, and follow the same task.
async fn of_notifier(stand: &mut Stand, options: &Options, measured: &mut Vec<FanOut>) -> Result<()> {
    let mut tasks = stand.tasks(1).await?;
    let seats: Vec<Seat> = stand.seats(&tasks).into_iter().cycle().take(options.clients as usize).collect();
    let mut crowd = Crowd::enter(stand.notifier()?, &seats, &stand.arrivals).await?;
    for _ in 0..options.broadcasts {
        sleep(PAUSE).await;
        for task in &mut tasks {
            let moment = stand.bus.progress(task, "").await?;
            measured.push(until_all_heard(stand, &seats, moment, Teller::Notifier).await?);
        }
    }
    crowd.check()?;
    crowd.leave().await;
    stand.await_empty().await?;
    stand.await_stored(&tasks).await
}

async fn of_broadcaster(stand: &Stand, options: &Options, measured: &mut Vec<FanOut>) -> Result<()> {
    let sample = stand.arrivals.sample();
    let bare = Broadcaster::start().await?;
    let seats = vec![Seat { request: None, pace: Pace::Prompt }; options.clients as usize];
    let mut crowd = Crowd::enter(bare.address, &seats, &stand.arrivals).await?;
    for _ in 0..options.broadcasts {
        sleep(PAUSE).await;
        let moment = stand.clock.now();
        bare.broadcast(restamp(&sample, moment).context("no frame to tell")?).await?;
        measured.push(until_all_heard(stand, &seats, moment, Teller::Bare).await?);
    }
    crowd.check()?;
    crowd.leave().await;
    Ok(())
}

async fn until_all_heard(stand: &Stand, seats: &[Seat], moment: Moment, teller: Teller) -> Result<FanOut> {
    stand.arrivals.wait_for(seats.len(), PATIENCE).await;
    let arrivals = stand.arrivals.take();
    let mut delays: Vec<f64> =
        arrivals.iter().filter(|arrival| arrival.published_at == moment).map(|arrival| arrival.delay).collect();
    ensure!(delays.len() == seats.len(), "{}: {} of {} clients were told", teller.as_str(), delays.len(), seats.len());
    delays.sort_by(f64::total_cmp);
    let (half, all) = (delays[(delays.len() - 1) / 2], delays[delays.len() - 1]);
    Ok(FanOut { teller, half, all })
}
