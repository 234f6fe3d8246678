use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    durations::Durations,
    job::{Policy, Rhythm},
    provider::Provider,
    store::{Capacity, Claimed},
};

/// A provider and the rules for its jobs.
pub(crate) struct Account {
    /// `None` for the jobs of providers that are not configured.
    pub(crate) provider: Option<Provider>,
    /// The rules for jobs of no special kind and of an unknown model.
    pub(crate) policy: Policy,
    /// Greatest ages of jobs by the word of their kind, where they differ.
    pub(crate) max_ages: BTreeMap<String, Duration>,
    pub(crate) durations: Arc<Durations>,
    pub(crate) capacity: Capacity,
}

impl Account {
    /// The rules for one job.
    pub(crate) fn policy_of(&self, claimed: &Claimed) -> Policy {
        let typical = self.durations.typical(&claimed.provider, &claimed.model);
        Policy {
            rhythm: Rhythm { typical, ..self.policy.rhythm },
            max_age: self.max_ages.get(&claimed.kind).copied().unwrap_or(self.policy.max_age),
            ..self.policy
        }
    }

    /// The shortest times of any job: what claims jobs whose time may be over.
    pub(crate) fn strictest_policy(&self) -> Policy {
        let max_age = self.max_ages.values().copied().chain([self.policy.max_age]).min().unwrap_or(self.policy.max_age);
        Policy { max_age, ..self.policy }
    }
}
