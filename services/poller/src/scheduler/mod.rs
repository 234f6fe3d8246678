//! Who works on what, when.
//!
//! Jobs flow in lanes: one for each kind of [work](Work) of each provider, so that a slow provider holds up no other and downloads hold
//! up no polls. A [`Lane`] claims as many due jobs as it has free permits, works on each in a task of its own, and sleeps until the next
//! one is due, until an [alarm](Alarms) tells of an earlier one, or until the sweep that finds what nobody told of: the jobs of a
//! replica that died. Any number of replicas do the same side by side.

mod alarm;
mod lane;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use zoetrope_service::Process;

pub(crate) use alarm::Alarms;
use lane::Lane;

use crate::{
    job::{State, Work},
    provider::Provider,
    settings::PollingSettings,
    store::LaneKey,
    work::{Account, Worker},
};

/// Makes the alarms of the lanes that [`start`] will start.
pub(crate) fn alarms(providers: &BTreeMap<String, (Provider, usize)>) -> Alarms {
    Alarms::new(providers.keys().map(String::as_str))
}

/// Starts all lanes. `providers` holds, beside each provider, the number of submissions that it bears at the same time.
pub(crate) fn start(
    process: &Process,
    worker: &Arc<Worker>,
    settings: &PollingSettings,
    providers: BTreeMap<String, (Provider, usize)>,
) {
    let names: Vec<String> = providers.keys().cloned().collect();
    let mut lanes = Vec::new();
    for (name, (provider, submissions)) in providers {
        let policy = settings.policy(provider.can_look_up());
        let account = Arc::new(Account { provider: Some(provider), policy });
        for work in Work::ALL {
            let size = match work {
                Work::Submit => submissions,
                Work::Follow => settings.concurrency,
                Work::Archive => settings.archive_concurrency,
            };
            lanes.push(Lane {
                name: format!("{name}/{}", work.as_str()),
                key: LaneKey::of(&name, work.states()),
                target: Some((name.clone(), work)),
                account: Arc::clone(&account),
                size: size.max(1),
            });
        }
    }
    lanes.push(Lane {
        name: "others".to_owned(),
        key: LaneKey::of_others(names, State::ALL.into_iter().filter(|state| state.work().is_some())),
        target: None,
        account: Arc::new(Account { provider: None, policy: settings.policy(false) }),
        size: settings.concurrency.max(1),
    });
    let rhythm = Rhythm { sweep: settings.sweep, drain: settings.drain };
    for lane in lanes {
        let (worker, stopping) = (Arc::clone(worker), process.stopping());
        process.spawn("lane", async move {
            lane.run(worker, rhythm, stopping).await;
            Ok(())
        });
    }
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
