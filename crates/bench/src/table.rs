use std::fmt::{self, Display, Formatter};

/// Lines of text cells under headings, the first column to the left, the others to the right.
#[derive(Debug, Default)]
pub struct Table {
    lines: Vec<Vec<String>>,
}

impl Table {
    pub fn new<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Self {
        let mut table = Self::default();
        table.line(headings);
        table
    }

    pub fn line<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.lines.push(cells.into_iter().map(Into::into).collect());
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.lines.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| self.lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
        (0..columns).map(|column| width(column).unwrap_or_default()).collect()
    }
}

impl Display for Table {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for (number, line) in self.lines.iter().enumerate() {
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(formatter, "  {cell:<width$}")?;
                } else {
                    write!(formatter, "  {cell:>width$}")?;
                }
            }
            writeln!(formatter)?;
            if number == 0 {
                let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
                writeln!(formatter, "  {}", rules.join("  "))?;
            }
        }
        Ok(())
    }
}

/// A number with as many decimals as its size deserves; a dash for what was not measured.
pub fn number(value: Option<f64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// A part of a whole as a percentage.
pub fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{:.0} %", value * 100.0))
}

/// Quotient of two measured values.
pub fn ratio(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    let (part, whole) = (part?, whole?);
    (whole > 0.0).then(|| part / whole)
}

/// Whether an aim was met; what could not be measured was not.
pub fn met(met: Option<bool>) -> &'static str {
    if met.unwrap_or_default() { "met" } else { "not met" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["figure", "1", "two"]);
        table.line(["polls/s", "3333", "-"]);
        table.line(["p99", "0.5"]);
        let expected = "  figure      1  two\n  -------  ----  ---\n  polls/s  3333    -\n  p99       0.5\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn numbers_are_as_long_as_they_are_worth() {
        let numbers = [0.0123, 1.234, 12.34, 123.4, 12345.6].map(|value| number(Some(value)));
        assert_eq!(numbers, ["0.012", "1.23", "12.3", "123", "12346"]);
        assert_eq!((number(None), percent(Some(0.604)), percent(None)), ("-".to_owned(), "60 %".to_owned(), "-".to_owned()));
        assert_eq!((ratio(Some(1.0), Some(4.0)), ratio(Some(1.0), Some(0.0)), ratio(None, Some(1.0))), (Some(0.25), None, None));
    }
}
