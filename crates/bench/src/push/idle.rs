use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};

use super::{
    Options, Stand,
    broadcaster::Broadcaster,
    crowd::{Crowd, Pace, Seat},
};
use crate::processes::Watched;

/// Until what opening the connections took is given back.
const SETTLING: Duration = Duration::from_secs(5);

/// Whom the clients are connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Direct,
    Gateway,
    Bare,
}

impl Way {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "notifier itself",
            Self::Gateway => "through the gateway",
            Self::Bare => "bare",
        }
    }
}

/// Connections that wait, each signed in and told of the task that it follows.
#[derive(Debug)]
pub struct Idle {
    pub way: Way,
    pub connections: u32,
    /// Until all of them were told.
    pub seconds: f64,
    /// Resident memory of the server, in MB.
    pub before: f64,
    pub after: f64,
    /// What the gateway's memory has grown by, in MB.
    pub gateway: Option<f64>,
}

impl Idle {
    /// Resident memory of the server for one connection, in kB.
    pub fn memory(&self) -> f64 {
        (self.after - self.before) * 1000.0 / f64::from(self.connections)
    }

    /// The same of the gateway.
    pub fn gateway_memory(&self) -> Option<f64> {
        Some(self.gateway? * 1000.0 / f64::from(self.connections))
    }
}

pub async fn measure(stand: &mut Stand, options: &Options) -> Result<Vec<Idle>> {
    let connections = options.connections()?;
    let mut measured = Vec::new();
    for way in [Way::Direct, Way::Gateway] {
        stand.progress.say(format_args!("{}: opens {connections} connections", way.as_str()));
        stand.renew_notifier().await?;
        let tasks = stand.tasks(connections).await?;
        let seats = stand.seats(&tasks);
        let server = Watched::one(stand.notifier_id()?);
        let (address, gateway) = match way {
            Way::Direct | Way::Bare => (stand.notifier()?, None),
            Way::Gateway => (stand.gateway()?, Some(Watched::family(stand.platform.gateway_id().context("no gateway")?))),
        };
        measured.push(fill(stand, way, address, server, gateway, &seats).await?);
        stand.await_empty().await?;
    }
    stand.progress.say(format_args!("bare: opens {connections} connections"));
    let bare = Broadcaster::start().await?;
    let seats = vec![Seat { request: None, pace: Pace::Prompt }; connections as usize];
    measured.push(fill(stand, Way::Bare, bare.address, Watched::one(bare.id()), None, &seats).await?);
    Ok(measured)
}

async fn fill(
    stand: &Stand,
    way: Way,
    address: SocketAddr,
    server: Watched,
    gateway: Option<Watched>,
    seats: &[Seat],
) -> Result<Idle> {
    let gateway_memory = || gateway.map(|gateway| Ok::<_, anyhow::Error>(gateway.usage()?.memory)).transpose();
    let (before, gateway_before) = (server.usage()?.memory, gateway_memory()?);
    let mut crowd = Crowd::enter(address, seats, &stand.arrivals).await?;
    stand.progress.wait("lets them wait", SETTLING).await;
    let (after, gateway_after) = (server.usage()?.memory, gateway_memory()?);
    crowd.check()?;
    let seconds = crowd.seated_in;
    crowd.leave().await;
    Ok(Idle {
        way,
        connections: u32::try_from(seats.len())?,
        seconds,
        before,
        after,
        gateway: gateway_after.zip(gateway_before).map(|(after, before)| after - before),
    })
}
