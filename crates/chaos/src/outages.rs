//! What happens to the servers that the platform stands on.

use std::fmt;

use anyhow::Result;
use rand::{RngExt, rngs::StdRng};
use zoetrope_testing::{Server, Servers};

use crate::{deck::Deck, stage::Stage};

/// Seconds between two outages, in which the platform gets something done.
const REST: std::ops::Range<f64> = 2.0..6.0;
/// Seconds that a server stays away.
const AWAY: std::ops::Range<f64> = 1.0..6.0;

#[derive(Debug, Clone, Copy)]
enum Manner {
    /// An operator restarts it.
    Restart,
    /// It dies, and recovers.
    Crash,
    /// It is gone for a while.
    Away,
}

const MANNERS: [Manner; 3] = [Manner::Restart, Manner::Crash, Manner::Away];

#[derive(Debug, Clone, Copy)]
struct Outage(Server, Manner);

impl fmt::Display for Outage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(server, manner) = self;
        let what = match manner {
            Manner::Restart => "restarts",
            Manner::Crash => "crashes",
            Manner::Away => "goes away",
        };
        write!(formatter, "{} {what}", server.as_str())
    }
}

/// One outage after the other; returns when the storm is over, with every server up.
pub async fn rage(stage: &Stage<'_>, servers: &Servers) -> Result<()> {
    let mut dice = stage.plan.dice(20);
    let outages: Vec<Outage> = if stage.plan.thorough {
        Server::ALL.into_iter().flat_map(|server| MANNERS.map(|manner| Outage(server, manner))).collect()
    } else {
        // Each server in one manner, and each manner once.
        let shift = dice.random_range(0..MANNERS.len());
        Server::ALL
            .into_iter()
            .zip(MANNERS.into_iter().cycle().skip(shift))
            .map(|(server, manner)| Outage(server, manner))
            .collect()
    };
    let mut deck = Deck::new(outages, stage.plan.dice(21));
    while stage.storm_lasts(deck.each_was_dealt()) {
        Stage::rest(&mut dice, REST).await;
        let Some(outage) = deck.deal() else { break };
        stage.chronicle.say(outage);
        strike(servers, outage, &mut dice).await?;
        stage.chronicle.say(format!("{} is back", outage.0.as_str()));
    }
    stage.note_untried("outage", deck.each_was_dealt());
    Ok(())
}

async fn strike(servers: &Servers, Outage(server, manner): Outage, dice: &mut StdRng) -> Result<()> {
    match manner {
        Manner::Restart => servers.restart(server).await,
        Manner::Crash => {
            servers.kill(server).await?;
            servers.start(server).await
        }
        Manner::Away => {
            servers.stop(server).await?;
            Stage::rest(dice, AWAY).await;
            servers.start(server).await
        }
    }
}
