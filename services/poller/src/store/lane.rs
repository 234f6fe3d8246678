use crate::job::Work;

/// Which jobs a lane takes: those of one provider that wait for one kind of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaneKey {
    pub(crate) provider: String,
    pub(crate) work: Work,
}

impl LaneKey {
    pub(crate) fn new(provider: &str, work: Work) -> Self {
        Self { provider: provider.to_owned(), work }
    }

    /// The condition on `state`, spelt out as in the partial index of this work: with parameters, Postgres could not use it.
    pub(super) fn states(&self) -> String {
        states_of(self.work)
    }
}

pub(super) fn states_of(work: Work) -> String {
    let words: Vec<String> = work.states().map(|state| format!("'{}'", state.as_str())).collect();
    format!("state IN ({})", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conditions_are_those_of_the_indexes() {
        let indexes = include_str!("../../../../migrations/poller/2026-11-21-000001_many_jobs/up.sql");
        assert!(indexes.contains(&format!("WHERE {}", states_of(Work::Submit))));
        assert!(indexes.contains(&format!("WHERE {}", states_of(Work::Follow))));
        assert!(indexes.contains("WHERE state = 'archiving'"));
        assert_eq!(states_of(Work::Archive), "state IN ('archiving')");
    }
}
