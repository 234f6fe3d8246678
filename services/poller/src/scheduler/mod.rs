//! Who works on what, when.
//!
//! Jobs flow in lanes: one for each kind of [work](Work) of each provider, so that a slow provider holds up no other and downloads hold
//! up no polls. A [`Lane`] claims as many due jobs as it has free permits, works on each in a task of its own, and sleeps until the next
//! one is due, until an [alarm](Alarms) tells of an earlier one, or until the sweep that finds what nobody told of: the jobs of a
//! replica that died. Any number of replicas do the same side by side. Jobs of providers that nobody knows are [`Strangers`].
//!
//! A lane claims no more than the provider's [gate](crate::gate) gives leave for. While that is closed, it only ends the jobs whose time
//! is over.

mod alarm;
mod hands;
mod lane;
mod strangers;

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use zoetrope_service::Process;

pub(crate) use alarm::Alarms;
use lane::Lane;
use strangers::Strangers;

use crate::{
    gate::Gate,
    job::Work,
    provider::Provider,
    replicas::Replicas,
    settings::PollingSettings,
    store::LaneKey,
    work::{Account, Worker},
};

/// What is worked on: the configured accounts by name, and one for the jobs of all other providers.
pub(crate) struct Accounts {
    pub(crate) known: Vec<(String, Arc<Account>)>,
    pub(crate) others: Arc<Account>,
}

impl Accounts {
    /// The gates of all providers that are known.
    pub(crate) fn gates(&self) -> impl Iterator<Item = &Gate> {
        self.known.iter().filter_map(|(_, account)| account.provider.as_ref()).map(Provider::gate)
    }
}

/// Makes the alarms of the lanes that [`start`] will start.
pub(crate) fn alarms<'a>(providers: impl IntoIterator<Item = &'a str>) -> Alarms {
    Alarms::new(providers)
}

/// Starts all lanes.
pub(crate) fn start(
    process: &Process,
    worker: &Arc<Worker>,
    settings: &PollingSettings,
    accounts: Accounts,
    replicas: &Replicas,
) {
    let rhythm = Rhythm { sweep: settings.sweep, drain: settings.drain };
    let strangers = Strangers {
        known: accounts.known.iter().map(|(name, _)| name.clone()).collect(),
        account: accounts.others,
        size: settings.concurrency.max(1),
    };
    for (name, account) in accounts.known {
        for work in Work::ALL {
            let size = match work {
                Work::Submit => account.capacity.submissions,
                Work::Follow => settings.concurrency,
                Work::Archive => settings.archive_concurrency,
            };
            let lane = Lane {
                name: format!("{name}/{}", work.as_str()),
                key: LaneKey::new(&name, work),
                account: Arc::clone(&account),
                replicas: replicas.clone(),
                size: size.max(1),
            };
            let (worker, stopping) = (Arc::clone(worker), process.stopping());
            process.spawn("lane", async move {
                lane.run(worker, rhythm, stopping).await;
                Ok(())
            });
        }
    }
    let (worker, stopping) = (Arc::clone(worker), process.stopping());
    process.spawn("lane", async move {
        strangers.run(worker, rhythm, stopping).await;
        Ok(())
    });
}

/// The times that all lanes share.
#[derive(Debug, Clone, Copy)]
struct Rhythm {
    /// Longest sleep.
    sweep: Duration,
    /// Time for work in hand when the process stops.
    drain: Duration,
}

/// Cancelled when work in hand has had its time after the process began to stop.
pub(crate) type Cutoff = CancellationToken;
