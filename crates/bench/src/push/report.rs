use std::fmt::{self, Display, Formatter};

use super::{
    Options,
    delay::{Readers, Run},
    fan_out::{FanOut, Teller},
    idle::{Idle, Way},
    restart::{Restart, Restarts},
};
use crate::{
    conditions::Conditions,
    samples::Samples,
    table::{Table, met, number, percent, ratio},
};

/// The aims, which the last lines of the report speak of.
const AIM_MEMORY: f64 = 24.0;
const AIM_DELAY: f64 = 50.0;
const AIM_FAN_OUT: f64 = 1.3;
const AIM_SLOW: f64 = 0.2;
const AIM_BACK: f64 = 15.0;

/// All that was measured.
pub struct Report<'a> {
    pub options: &'a Options,
    pub conditions: Conditions,
    pub idle: Vec<Idle>,
    pub delays: Vec<Run>,
    pub fan_outs: Vec<FanOut>,
    pub restarts: Option<Restarts>,
}

/// A line of a table: what it is called, and how it is read.
type Line<T> = (&'static str, fn(&T) -> Option<f64>);

const IDLE_LINES: [Line<Idle>; 6] = [
    ("connections", |idle| Some(f64::from(idle.connections))),
    ("opened, signed in and subscribed/s", |idle| Some(f64::from(idle.connections) / idle.seconds)),
    ("memory before, MB", |idle| Some(idle.before)),
    ("memory with all of them, MB", |idle| Some(idle.after)),
    ("memory for one, kB", |idle| Some(idle.memory())),
    ("  the gateway's for one, kB", Idle::gateway_memory),
];

const DELAY_LINES: [Line<Run>; 10] = [
    ("changes, those of slow readers left out", |run| Some(run.published as f64)),
    ("frames told of them", |run| Some(run.delays.len() as f64)),
    ("published to read, p50, ms", |run| quantile(run, 0.5)),
    ("published to read, p99, ms", |run| quantile(run, 0.99)),
    ("published to read, longest, ms", |run| quantile(run, 1.0)),
    ("slow readers: written of what filled them, %", |run| run.taken.map(|taken| taken * 100.0)),
    ("slow readers: sent away", |run| (run.readers == Readers::SomeSlow).then_some(run.sent_away)),
    ("CPU of the notifier, s/s", |run| Some(run.cpu.notifier)),
    ("CPU of PostgreSQL, s/s", |run| Some(run.cpu.postgres)),
    ("CPU of the clients, s/s", |run| Some(run.cpu.clients)),
];

const FAN_OUT_LINES: [Line<FanOut>; 2] =
    [("half of the clients, ms", |told| Some(told.half * 1000.0)), ("all clients, ms", |told| Some(told.all * 1000.0))];

const RESTART_LINES: [Line<Restart>; 4] = [
    ("clients that had to come back", |restart| Some(restart.absences.len() as f64)),
    ("away, p50, s", |restart| restart.absences.quantile(0.5)),
    ("away, longest, s", |restart| restart.absences.greatest()),
    ("all back after, s", |restart| Some(restart.all_back)),
];

impl Display for Report<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Options { clients, rate, seconds, rounds, broadcasts, users, .. } = self.options;
        writeln!(formatter, "\nPush: WebSockets of {users} users; medians of {rounds} turns\n")?;
        writeln!(formatter, "{}", self.conditions)?;
        writeln!(formatter, "Connections that wait, each following a task:\n\n{}", self.idle())?;
        writeln!(formatter, "{rate} changes of tasks a second, spread over {clients} connections, {seconds} s each time:\n")?;
        writeln!(formatter, "{}", self.delays())?;
        writeln!(formatter, "One change for {clients} connections, {broadcasts} times in each turn, until it was read by\n")?;
        writeln!(formatter, "{}", self.fan_outs())?;
        if let Some(restarts) = &self.restarts {
            let Options { restart_clients, restart_rate, .. } = self.options;
            writeln!(
                formatter,
                "{restart_clients} clients behind the gateway, {restart_rate} changes a second, one replica restarted after the other:\n"
            )?;
            writeln!(formatter, "{}", of_restarts(restarts))?;
            writeln!(formatter, "{}", told_meanwhile(restarts))?;
        }
        write!(formatter, "{}", self.aims())
    }
}

impl Report<'_> {
    fn idle(&self) -> Table {
        let mut table = Table::new([""].into_iter().chain(self.idle.iter().map(|idle| idle.way.as_str())));
        for (name, figure) in IDLE_LINES {
            table.line([name.to_owned()].into_iter().chain(self.idle.iter().map(|idle| number(figure(idle)))));
        }
        table
    }

    fn delays(&self) -> Table {
        let slow = format!("{} slow or stalled", self.options.slow);
        let columns = [Readers::AllPrompt, Readers::SomeSlow];
        let mut table = Table::new(["", "all read", &slow]);
        for (name, figure) in DELAY_LINES {
            let medians = columns.map(|readers| number(self.of_runs(readers, figure).median()));
            table.line([name.to_owned()].into_iter().chain(medians));
        }
        let machine = columns.map(|readers| number(self.of_runs(readers, |run| Some(run.cpu.machine)).median()));
        table.line(["CPU of all that runs, s/s".to_owned()].into_iter().chain(machine));
        let spans = columns.map(|readers| span(&self.of_runs(readers, |run| quantile(run, 0.99))));
        table.line(["p99, all turns, ms".to_owned()].into_iter().chain(spans));
        table
    }

    fn fan_outs(&self) -> Table {
        let mut table = Table::new([""].into_iter().chain(Teller::ALL.map(Teller::as_str)));
        for (name, figure) in FAN_OUT_LINES {
            let medians = Teller::ALL.map(|teller| number(self.of_fan_outs(teller, figure).median()));
            table.line([name.to_owned()].into_iter().chain(medians));
        }
        let spans = Teller::ALL.map(|teller| span(&self.of_fan_outs(teller, |told| Some(told.all * 1000.0))));
        table.line(["all clients, all times, ms".to_owned()].into_iter().chain(spans));
        table
    }

    fn aims(&self) -> Table {
        let mut table = Table::new(["aim", "measured", ""]);
        let memory = self.idle.iter().find(|idle| idle.way == Way::Direct).map(Idle::memory);
        let aim = format!("memory for an idle connection: at most {AIM_MEMORY} kB");
        table.line([aim, format!("{} kB", number(memory)), met(memory.map(|memory| memory <= AIM_MEMORY)).to_owned()]);

        let delay = |readers| self.of_runs(readers, |run| quantile(run, 0.99)).median();
        let prompt = delay(Readers::AllPrompt);
        let aim = format!("published to read: p99 under {AIM_DELAY} ms");
        table.line([aim, format!("{} ms", number(prompt)), met(prompt.map(|delay| delay < AIM_DELAY)).to_owned()]);

        let all = |teller| self.of_fan_outs(teller, |told| Some(told.all)).median();
        let times = ratio(all(Teller::Notifier), all(Teller::Bare));
        let aim = format!("one change for all: at most {AIM_FAN_OUT} × the bare broadcaster's time");
        table.line([aim, format!("{} ×", number(times)), met(times.map(|times| times <= AIM_FAN_OUT)).to_owned()]);

        if self.options.slow > 0 {
            let more = ratio(delay(Readers::SomeSlow), prompt).map(|times| times - 1.0);
            let aim = format!("slow readers raise the others' p99 by less than {}", percent(Some(AIM_SLOW)));
            table.line([aim, percent(more), met(more.map(|more| more < AIM_SLOW)).to_owned()]);
        }
        if let Some(restarts) = &self.restarts {
            let none = |count: usize| met(Some(restarts.ends > 0 && count == 0)).to_owned();
            table.line(["restarts: no end of a task is missed".to_owned(), restarts.missed.to_string(), none(restarts.missed)]);
            let duplicates = restarts.duplicates;
            table.line(["restarts: nothing is shown twice".to_owned(), duplicates.to_string(), none(duplicates)]);
            let back = restarts.replicas.iter().map(|restart| restart.all_back).reduce(f64::max);
            let aim = format!("restarts: all clients are back within {AIM_BACK} s");
            table.line([aim, format!("{} s", number(back)), met(back.map(|back| back <= AIM_BACK)).to_owned()]);
        }
        table
    }

    fn of_runs(&self, readers: Readers, figure: fn(&Run) -> Option<f64>) -> Samples {
        self.delays.iter().filter(|run| run.readers == readers).filter_map(figure).collect()
    }

    fn of_fan_outs(&self, teller: Teller, figure: fn(&FanOut) -> Option<f64>) -> Samples {
        self.fan_outs.iter().filter(|told| told.teller == teller).filter_map(figure).collect()
    }
}

fn of_restarts(restarts: &Restarts) -> Table {
    let headings = (1..=restarts.replicas.len()).map(|replica| format!("replica {replica}"));
    let mut table = Table::new(["".to_owned()].into_iter().chain(headings));
    for (name, figure) in RESTART_LINES {
        table.line([name.to_owned()].into_iter().chain(restarts.replicas.iter().map(|restart| number(figure(restart)))));
    }
    table
}

fn told_meanwhile(restarts: &Restarts) -> Table {
    let mut table = Table::new(["told meanwhile, over all clients", ""]);
    for (name, count) in [
        ("ends of tasks that each follower had to hear", restarts.ends),
        ("  of them, never heard", restarts.missed),
        ("changes shown twice", restarts.duplicates),
        ("times that a client had to begin anew (resync)", restarts.resyncs),
        ("connections refused, and tried again", restarts.refused),
    ] {
        table.line([name.to_owned(), count.to_string()]);
    }
    table
}

/// In milliseconds.
fn quantile(run: &Run, part: f64) -> Option<f64> {
    Some(run.delays.quantile(part)? * 1000.0)
}

fn span(values: &Samples) -> String {
    match (values.least(), values.greatest()) {
        (None, _) | (_, None) => number(None),
        (least, greatest) => format!("{} to {}", number(least), number(greatest)),
    }
}
