//! What happens to the platform's processes.

use std::{fmt, time::Duration};

use anyhow::Result;
use rand::{RngExt, rngs::StdRng};
use tokio::time::{Instant, sleep};
use zoetrope_testing::{Platform, Service};

use crate::{arena, deck::Deck, journal::Wrong, stage::Stage};

/// Seconds between two disasters.
const REST: std::ops::Range<f64> = 0.5..3.0;
/// A poller is frozen for longer than its leases last, so that it wakes up in a world that has gone on without it.
const FROZEN: Duration = Duration::from_millis((arena::LEASE_SECONDS * 1500.0) as u64);

/// To leave in more time than this is told: it is allowed, but says something.
const SLOW: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
enum Disaster {
    /// `kill -9` of one replica.
    Kill(Service),
    /// `kill -9` of all replicas at once.
    KillAll(Service),
    Freeze(Service),
    /// As a deployment does it: one replica after the other, each asked to leave.
    Replace(Service),
}

const DISASTERS: [Disaster; 14] = [
    Disaster::Kill(Service::Auth),
    Disaster::Kill(Service::TaskApi),
    Disaster::Kill(Service::Poller),
    Disaster::Kill(Service::Notifier),
    Disaster::KillAll(Service::TaskApi),
    Disaster::KillAll(Service::Poller),
    Disaster::KillAll(Service::Notifier),
    Disaster::Freeze(Service::TaskApi),
    Disaster::Freeze(Service::Poller),
    Disaster::Freeze(Service::Notifier),
    Disaster::Replace(Service::Auth),
    Disaster::Replace(Service::TaskApi),
    Disaster::Replace(Service::Poller),
    Disaster::Replace(Service::Notifier),
];

impl fmt::Display for Disaster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(service) => write!(formatter, "kill -9 of one {}", service.name()),
            Self::KillAll(service) => write!(formatter, "kill -9 of every {}", service.name()),
            Self::Freeze(service) => write!(formatter, "a {} freezes", service.name()),
            Self::Replace(service) => write!(formatter, "{} is replaced", service.name()),
        }
    }
}

/// Strikes again and again; returns when the storm is over, with every process up.
pub async fn rage(stage: &Stage<'_>, platform: &mut Platform) -> Result<()> {
    let mut dice = stage.plan.dice(10);
    let mut deck = Deck::new(DISASTERS, stage.plan.dice(11));
    while stage.storm_lasts(deck.each_was_dealt()) {
        let Some(disaster) = deck.deal() else { break };
        stage.chronicle.say(disaster);
        strike(stage, platform, disaster, &mut dice).await?;
        revive(stage, platform)?;
        Stage::rest(&mut dice, REST).await;
    }
    stage.note_untried("disaster", deck.each_was_dealt());
    // A server may have been away when a process came up.
    for process in platform.processes_mut() {
        if let Err(error) = process.ready().await {
            stage.journal.complain(Wrong::Process, format!("{error:#}"));
        }
    }
    revive(stage, platform)
}

async fn strike(stage: &Stage<'_>, platform: &mut Platform, disaster: Disaster, dice: &mut StdRng) -> Result<()> {
    match disaster {
        Disaster::Kill(service) => {
            let process = platform.process(service, any_replica(service, dice))?;
            process.kill()?;
            Stage::rest(dice, 0.0..1.0).await;
            process.start()?;
        }
        Disaster::KillAll(service) => {
            for replica in replicas(service) {
                platform.process(service, replica)?.kill()?;
            }
            Stage::rest(dice, 0.0..2.0).await;
            for replica in replicas(service) {
                platform.process(service, replica)?.start()?;
            }
        }
        Disaster::Freeze(service) => {
            let process = platform.process(service, any_replica(service, dice))?;
            process.freeze()?;
            sleep(FROZEN).await;
            process.thaw()?;
        }
        Disaster::Replace(service) => {
            for replica in replicas(service) {
                let process = platform.process(service, replica)?;
                let asked = Instant::now();
                if let Err(error) = process.terminate().await {
                    stage.journal.complain(Wrong::Process, format!("{error:#}"));
                }
                if asked.elapsed() >= SLOW {
                    stage.chronicle.say(format!("{} took {:.0} s to leave", process.name(), asked.elapsed().as_secs_f64()));
                }
                process.start()?;
                // Not even a deployment waits for ever: a server may be away.
                if let Err(error) = process.ready().await {
                    stage.journal.complain(Wrong::Process, format!("{error:#}"));
                }
            }
        }
    }
    Ok(())
}

fn revive(stage: &Stage<'_>, platform: &mut Platform) -> Result<()> {
    for end in platform.revive()? {
        stage.chronicle.say(format!("ended by itself: {end}"));
        stage.journal.complain(Wrong::Process, format!("ended by itself: {end}"));
    }
    Ok(())
}

fn replicas(service: Service) -> std::ops::Range<usize> {
    let count = match service {
        Service::TaskApi | Service::Poller | Service::Notifier => arena::REPLICAS,
        Service::Auth | Service::ProviderSim => 1,
    };
    0..count.into()
}

fn any_replica(service: Service, dice: &mut StdRng) -> usize {
    dice.random_range(replicas(service))
}
