use std::fmt::{self, Display, Formatter};

use super::{
    Options,
    drain::Draining,
    run::{Run, Way},
};
use crate::{
    conditions::Conditions,
    samples::Samples,
    table::{Table, met, number, percent, ratio},
};

const AIM: f64 = 0.6;

/// All that was measured.
pub struct Report<'a> {
    pub options: &'a Options,
    pub conditions: Conditions,
    pub runs: Vec<Run>,
    pub draining: Draining,
}

/// A line of the table: what it is called, and how it is read from a run.
type Line = (&'static str, fn(&Run) -> Option<f64>);

const LINES: [Line; 8] = [
    ("accepted/s", |run| Some(run.rate())),
    ("p50, ms", |run| run.accepted.latencies.quantile(0.5).map(milliseconds)),
    ("p99, ms", |run| run.accepted.latencies.quantile(0.99).map(milliseconds)),
    ("CPU of all that runs, s/s", |run| Some(run.cpu.machine)),
    ("CPU for one create, all, ms", |run| per_create(run, run.cpu.machine)),
    ("  of it, task-api", |run| per_create(run, run.cpu.task_api)),
    ("  of it, PostgreSQL", |run| per_create(run, run.cpu.postgres)),
    ("  of it, the clients", |run| per_create(run, run.cpu.clients)),
];

impl Display for Report<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Options { clients, seconds, rounds, without_limits, .. } = self.options;
        let limits = if *without_limits { ", without rate limits" } else { "" };
        writeln!(formatter, "\nCreate: {clients} clients{limits}; medians of {rounds} turns of {seconds} s each\n")?;
        writeln!(formatter, "{}", self.conditions)?;
        writeln!(formatter, "{}", self.figures())?;
        write!(formatter, "{}", self.aims())
    }
}

impl Report<'_> {
    fn figures(&self) -> Table {
        let ways = Way::ALL.map(Way::as_str);
        let mut table = Table::new([""].into_iter().chain(ways).chain(["gateway, all at work"]));
        for (name, figure) in LINES {
            let medians = Way::ALL.iter().map(|way| number(self.of(*way, figure).median()));
            table.line([name.to_owned()].into_iter().chain(medians).chain([number(figure(&self.draining.run))]));
        }
        let spans = Way::ALL.iter().map(|way| {
            let rates = self.of(*way, |run| Some(run.rate()));
            format!("{} to {}", number(rates.least()), number(rates.greatest()))
        });
        table.line(["accepted/s, all turns".to_owned()].into_iter().chain(spans).chain([number(None)]));
        let emptied = number(Some(self.draining.emptied.as_secs_f64()));
        let none = Way::ALL.iter().map(|_| number(None));
        table.line(["outbox empty after, s".to_owned()].into_iter().chain(none).chain([emptied]));
        table
    }

    fn aims(&self) -> Table {
        let mut table = Table::new(["aim", "measured", ""]);
        let rate = |way| self.of(way, |run| Some(run.rate())).median();
        for way in [Way::Direct, Way::Gateway] {
            let part = ratio(rate(way), rate(Way::Pgbench));
            let aim = format!("{}: at least {} of pgbench's rate", way.as_str(), percent(Some(AIM)));
            table.line([aim, percent(part), met(part.map(|part| part >= AIM)).to_owned()]);
        }
        table
    }

    fn of(&self, way: Way, figure: fn(&Run) -> Option<f64>) -> Samples {
        self.runs.iter().filter(|run| run.way == way).filter_map(figure).collect()
    }
}

fn per_create(run: &Run, cpu: f64) -> Option<f64> {
    ratio(Some(milliseconds(cpu)), Some(run.rate()))
}

fn milliseconds(seconds: f64) -> f64 {
    seconds * 1000.0
}
