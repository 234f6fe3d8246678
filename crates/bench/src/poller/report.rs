use std::fmt::{self, Display, Formatter};

use super::{Options, phase::Phase};
use crate::{
    bare::Outcome,
    conditions::Conditions,
    table::{Table, met, number, percent, ratio},
};

/// The aims, which the last lines of the report speak of.
const AIM_LATENESS: f64 = 1.0;
const AIM_MEMORY: f64 = 300.0;
const AIM_EFFICIENCY: f64 = 0.6;

/// All that was measured.
pub struct Report<'a> {
    pub options: &'a Options,
    pub conditions: Conditions,
    pub phases: Vec<Phase>,
    pub paced: Outcome,
    pub unpaced: Outcome,
    pub rounds: Vec<f64>,
}

/// A line of the table: what it is called, how it is read from a phase, and how from a bare loop.
type Line = (&'static str, fn(&Phase) -> String, fn(&Outcome) -> String);

const LINES: [Line; 19] = [
    ("polls/s", |phase| number(Some(phase.polls as f64 / phase.seconds)), |bare| number(Some(bare.polls as f64 / bare.seconds))),
    ("lateness of a poll, p50, s", |phase| number(phase.lateness.quantile(0.5)), |bare| number(bare.lateness_p50)),
    ("lateness of a poll, p99, s", |phase| number(phase.lateness.quantile(0.99)), |bare| number(bare.lateness_p99)),
    ("overdue jobs at the end", |phase| phase.overdue.0.to_string(), |_| number(None)),
    ("the first of them due for, s", |phase| number(Some(phase.overdue.1)), |_| number(None)),
    ("polls by each replica", |phase| shares(phase), |_| number(None)),
    ("completed to stored, p50, s", |phase| number(phase.completion_delays.quantile(0.5)), |_| number(None)),
    ("completed to stored, p99, s", |phase| number(phase.completion_delays.quantile(0.99)), |_| number(None)),
    ("completed and stored", |phase| phase.completion_delays.len().to_string(), |_| number(None)),
    ("completed, not stored in time", |phase| phase.not_stored.to_string(), |_| number(None)),
    (
        "CPU of the poller, s/s",
        |phase| per_second(phase, phase.pollers_cpu),
        |bare| number(ratio(Some(bare.cpu_seconds), Some(bare.seconds))),
    ),
    ("the same while jobs complete, s/s", |phase| number(Some(phase.storing_cpu)), |_| number(None)),
    ("CPU of PostgreSQL, s/s", |phase| per_second(phase, phase.postgres_cpu), |_| number(None)),
    ("CPU of the provider, s/s", |phase| per_second(phase, phase.simulator_cpu), |_| number(None)),
    ("CPU of all that runs, s/s", |phase| per_second(phase, phase.machine_cpu), |_| number(None)),
    ("polls per CPU second", |phase| number(efficiency(phase)), |bare| number(bare_efficiency(bare))),
    ("peak memory of the poller, MB", |phase| join(&phase.pollers_memory, " + "), |bare| number(Some(bare.peak_memory))),
    ("memory of PostgreSQL, MB", |phase| number(Some(phase.postgres_memory)), |_| number(None)),
    ("memory of the provider, MB", |phase| number(Some(phase.simulator_memory)), |_| number(None)),
];

impl Display for Report<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Options { jobs, interval, window, .. } = self.options;
        writeln!(
            formatter,
            "\nPoller: {jobs} jobs in flight, polled every {interval} s; {window} s counted each time, and {window} s more while jobs complete\n"
        )?;
        writeln!(formatter, "{}", self.conditions)?;
        writeln!(formatter, "{}", self.figures())?;
        writeln!(formatter, "{}", self.ratios())?;
        write!(formatter, "{}", self.aims())
    }
}

impl Report<'_> {
    fn figures(&self) -> Table {
        let replicas = self.phases.iter().map(|phase| match phase.replicas {
            1 => "1 replica".to_owned(),
            more => format!("{more} replicas"),
        });
        let headings =
            ["".to_owned()].into_iter().chain(replicas).chain(["bare, same polls".to_owned(), "bare, at full speed".to_owned()]);
        let mut table = Table::new(headings);
        for (name, of_phase, of_bare) in LINES {
            let phases = self.phases.iter().map(of_phase);
            table.line([name.to_owned()].into_iter().chain(phases).chain([of_bare(&self.paced), of_bare(&self.unpaced)]));
        }
        table
    }

    /// The poller's polls per CPU second in relation to those of the two bare loops.
    fn ratios(&self) -> Table {
        let mut table =
            Table::new(["polls per CPU second, the poller's to", "the bare loop with the same polls", "the one at full speed"]);
        for phase in &self.phases {
            let to = |bare: &Outcome| percent(ratio(efficiency(phase), bare_efficiency(bare)));
            table.line([format!("{} of the poller", phase.replicas), to(&self.paced), to(&self.unpaced)]);
        }
        table
    }

    fn aims(&self) -> Table {
        let mut table = Table::new(["aim", "measured", ""]);
        if let Some(one) = self.phases.first() {
            let lateness = one.lateness.quantile(0.99);
            let punctual = lateness.map(|lateness| lateness < AIM_LATENESS && one.overdue.1 < AIM_LATENESS);
            let aim = format!("one replica: p99 of lateness under {AIM_LATENESS} s at {:.0} polls/s", self.options.due_rate());
            table.line([aim, format!("{} s", number(lateness)), met(punctual).to_owned()]);

            let memory = one.pollers_memory.first().copied();
            let aim = format!("one replica: under {AIM_MEMORY} MB");
            table.line([aim, format!("{} MB", number(memory)), met(memory.map(|memory| memory < AIM_MEMORY)).to_owned()]);

            let part = ratio(efficiency(one), bare_efficiency(&self.paced));
            let aim = format!("at least {} of the bare loop's polls per CPU second, same polls", percent(Some(AIM_EFFICIENCY)));
            table.line([aim, percent(part), met(part.map(|part| part >= AIM_EFFICIENCY)).to_owned()]);
        }
        let longest = self.rounds.iter().copied().reduce(f64::max);
        let aim = format!("rounds of {} jobs within {} s", self.options.round_jobs, self.options.interval);
        let within = met(longest.map(|longest| longest <= self.options.interval)).to_owned();
        table.line([aim, format!("{} s", join(&self.rounds, ", ")), within]);
        table
    }
}

fn efficiency(phase: &Phase) -> Option<f64> {
    ratio(Some(phase.polls as f64), Some(phase.pollers_cpu))
}

fn bare_efficiency(bare: &Outcome) -> Option<f64> {
    ratio(Some(bare.polls as f64), Some(bare.cpu_seconds))
}

fn per_second(phase: &Phase, cpu: f64) -> String {
    number(ratio(Some(cpu), Some(phase.seconds)))
}

fn shares(phase: &Phase) -> String {
    phase.shares.iter().map(u64::to_string).collect::<Vec<_>>().join(" + ")
}

fn join(values: &[f64], between: &str) -> String {
    values.iter().map(|value| number(Some(*value))).collect::<Vec<_>>().join(between)
}
