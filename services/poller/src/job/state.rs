use std::str::FromStr;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Known not to be with the provider; to be submitted when due.
    Pending,
    /// The intent to submit is recorded; the call may be under way, or may have died with its process.
    Submitting,
    /// The submission may or may not have arrived. Never submitted again.
    Unconfirmed,
    /// The provider has it.
    Polling,
    /// The provider has finished; the result is on its way into object storage.
    Archiving,
    /// The task's owner wants its end; the provider is asked for it, and the task waits for word.
    Cancelling,
    /// Failed or cancelled, and the world knows; but stored results are still to be removed, and the provider told of a cancellation.
    Deleting,
    /// The result is stored.
    Succeeded,
    /// Ended without a result.
    Failed,
    /// Cancelled, and everybody knows.
    Cancelled,
}

/// A word in the table that is no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown job state {0:?}")]
pub(crate) struct UnknownState(String);

impl State {
    pub(crate) const ALL: [Self; 10] = [
        Self::Pending,
        Self::Submitting,
        Self::Unconfirmed,
        Self::Polling,
        Self::Archiving,
        Self::Cancelling,
        Self::Deleting,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The word in the table and in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Submitting => "submitting",
            Self::Unconfirmed => "unconfirmed",
            Self::Polling => "polling",
            Self::Archiving => "archiving",
            Self::Cancelling => "cancelling",
            Self::Deleting => "deleting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The work that moves a job on from here; `None` once it has ended.
    pub(crate) const fn work(self) -> Option<Work> {
        match self {
            Self::Pending | Self::Submitting => Some(Work::Submit),
            Self::Unconfirmed | Self::Polling | Self::Cancelling | Self::Deleting => Some(Work::Follow),
            Self::Archiving => Some(Work::Archive),
            Self::Succeeded | Self::Failed | Self::Cancelled => None,
        }
    }
}

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(word: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or_else(|| UnknownState(word.to_owned()))
    }
}

/// The kinds of work, which differ in how long they take and how many a provider bears at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// Hand the job to the provider.
    Submit,
    /// Small questions: poll, look up, delete.
    Follow,
    /// Copy the result.
    Archive,
}

impl Work {
    pub(crate) const ALL: [Self; 3] = [Self::Submit, Self::Follow, Self::Archive];

    /// The states that this work moves jobs on from.
    pub(crate) fn states(self) -> impl Iterator<Item = State> {
        State::ALL.into_iter().filter(move |state| state.work() == Some(self))
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Follow => "follow",
            Self::Archive => "archive",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_back() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("done".parse::<State>().is_err());
    }

    #[test]
    fn every_live_state_has_exactly_one_work() {
        let worked: Vec<State> = Work::ALL.into_iter().flat_map(Work::states).collect();
        let live: Vec<State> = State::ALL.into_iter().filter(|state| state.work().is_some()).collect();
        assert_eq!(worked.len(), live.len());
        assert!(live.iter().all(|state| worked.contains(state)));
    }
}
