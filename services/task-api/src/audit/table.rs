use std::fmt::{self, Display, Formatter};

use super::report::{Finding, Report};

/// A report for the person in front of a terminal.
pub struct Table<'a>(pub &'a Report);

impl Display for Table<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let width = report.invariants.iter().map(|finding| finding.name.len()).max().unwrap_or_default();
        writeln!(formatter, "{:width$} {:>12} {:>10}", "invariant", "checked", "breaches")?;
        for finding in &report.invariants {
            writeln!(formatter, "{:width$} {:>12} {:>10}", finding.name, finding.checked, finding.breaches)?;
        }
        writeln!(formatter)?;
        write!(formatter, "{} tasks", report.task_count())?;
        for (status, count) in &report.tasks {
            write!(formatter, ", {count} {status}")?;
        }
        let totals = &report.totals;
        writeln!(formatter)?;
        writeln!(formatter, "{} accounts, {} ledger entries", totals.accounts, totals.entries)?;
        writeln!(formatter, "credits: {} granted, {} spent, {} refunded", totals.granted, totals.spent, totals.refunded)?;
        for finding in report.invariants.iter().filter(|finding| finding.breaches > 0) {
            writeln!(formatter)?;
            write_breaches(formatter, finding)?;
        }
        writeln!(formatter)?;
        match report.broken() {
            0 => writeln!(formatter, "sound: every invariant holds ({:.1} s)", report.seconds),
            broken => writeln!(formatter, "NOT SOUND: {broken} of {} invariants broken", report.invariants.len()),
        }
    }
}

fn write_breaches(formatter: &mut Formatter<'_>, finding: &Finding) -> fmt::Result {
    writeln!(formatter, "{}: {}  Not so:", finding.name, finding.sentence)?;
    for id in &finding.first {
        writeln!(formatter, "  {id}")?;
    }
    let more = finding.breaches.saturating_sub(finding.first.len() as u64);
    if more > 0 { writeln!(formatter, "  and {more} more") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::audit::{report::Totals, tally::Tally, walk::Limits};

    #[test]
    fn a_breach_is_shown_with_its_first_rows() {
        let mut report = Tally::new(Limits { stuck_after: Duration::ZERO, shown: 1 }).report();
        assert!(Table(&report).to_string().contains("sound: every invariant holds"));

        report.sound = false;
        report.tasks = BTreeMap::from([("completed".to_owned(), 3), ("queued".to_owned(), 4)]);
        report.totals = Totals { accounts: 2, ..Totals::default() };
        let finding = &mut report.invariants[1];
        (finding.checked, finding.breaches, finding.first) = (7, 3, vec!["the-first".to_owned()]);
        let text = Table(&report).to_string();
        for part in ["7 tasks, 3 completed, 4 queued", "2 accounts", "the-first", "and 2 more", "NOT SOUND: 1 of 9"] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }
}
