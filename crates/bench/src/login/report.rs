use std::fmt::{self, Display, Formatter};

use super::{Options, bare::Bare, storm::Storm};
use crate::{
    conditions::Conditions,
    samples::Samples,
    table::{Table, met, number, percent, ratio},
};

const AIM: f64 = 0.8;

/// All that was measured.
pub struct Report<'a> {
    pub options: &'a Options,
    pub conditions: Conditions,
    /// What the onlooker waited while nobody signed in.
    pub quiet: Samples,
    pub storms: Vec<Storm>,
    pub bare: Vec<Bare>,
}

impl Display for Report<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Options { clients, seconds, rounds, memory_kib, iterations, .. } = self.options;
        writeln!(formatter, "\nLogin: {clients} clients; medians of {rounds} turns of {seconds} s each")?;
        writeln!(formatter, "Argon2id with {memory_kib} KiB and {iterations} passes\n")?;
        writeln!(formatter, "{}", self.conditions)?;
        writeln!(formatter, "{}", self.rates())?;
        writeln!(formatter, "{}", self.waits())?;
        write!(formatter, "{}", self.aim())
    }
}

impl Report<'_> {
    fn rates(&self) -> Table {
        let mut table = Table::new(["per second", "median", "least", "greatest"]);
        for (name, rates) in [("sign-ins through the gateway", self.logins()), ("passwords, bare Argon2", self.compared())] {
            table.line([name.to_owned(), number(rates.median()), number(rates.least()), number(rates.greatest())]);
        }
        table
    }

    fn waits(&self) -> Table {
        let mut table = Table::new(["milliseconds", "p50", "p99"]);
        let quiet = [0.5, 0.99].map(|part| self.quiet.quantile(part));
        let of_storms = |samples: fn(&Storm) -> &Samples, part| {
            self.storms.iter().filter_map(|storm| samples(storm).quantile(part)).collect::<Samples>().median()
        };
        let logins = [0.5, 0.99].map(|part| of_storms(|storm| &storm.logins, part));
        let onlooker = [0.5, 0.99].map(|part| of_storms(|storm| &storm.onlooker, part));
        let lines = [("sign-in", logins), ("GET /api/auth/me meanwhile", onlooker), ("GET /api/auth/me otherwise", quiet)];
        for (name, [half, most]) in lines {
            let milliseconds = |seconds: Option<f64>| number(seconds.map(|seconds| seconds * 1000.0));
            table.line([name.to_owned(), milliseconds(half), milliseconds(most)]);
        }
        table
    }

    fn aim(&self) -> Table {
        let part = ratio(self.logins().median(), self.compared().median());
        let mut table = Table::new(["aim", "measured", ""]);
        let aim = format!("sign-ins: at least {} of the bare rate", percent(Some(AIM)));
        table.line([aim, percent(part), met(part.map(|part| part >= AIM)).to_owned()]);
        table
    }

    fn logins(&self) -> Samples {
        self.storms.iter().map(Storm::rate).collect()
    }

    fn compared(&self) -> Samples {
        self.bare.iter().map(|bare| bare.rate).collect()
    }
}
