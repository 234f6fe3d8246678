use std::fmt::Write;

use crate::audit::{Row, Verdict};

/// Breaches that are shown of each kind; the rest is in the kept files.
const SHOWN: usize = 10;

/// The audit as people read it: the table, and beneath it what was breached.
pub fn table(verdict: &Verdict) -> String {
    let width = verdict.rows.iter().map(|row| row.what.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    // Writing to a text cannot fail.
    for row in &verdict.rows {
        let Row { what, count, .. } = row;
        let padding = width - what.chars().count();
        let line = format!("  {what}{:padding$}  {count:>8}  {}", "", judgement(row));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for row in verdict.rows.iter().filter(|row| row.is_breached()) {
        let breaches = row.breaches.as_deref().unwrap_or_default();
        let _ = writeln!(text, "\n{}:", row.what);
        for breach in breaches.iter().take(SHOWN) {
            let _ = writeln!(text, "  {breach}");
        }
        if breaches.len() > SHOWN {
            let _ = writeln!(text, "  … and {} more", breaches.len() - SHOWN);
        }
    }
    let _ = write!(text, "\n{}", if verdict.is_breached() { "BREACHED" } else { "nothing was breached" });
    text
}

fn judgement(row: &Row) -> &'static str {
    match &row.breaches {
        None => "",
        Some(breaches) if breaches.is_empty() => "ok",
        Some(_) => "BREACH",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(what: &str, breaches: Option<Vec<String>>) -> Row {
        Row { what: what.to_owned(), count: breaches.as_ref().map_or(412, |breaches| breaches.len() as u64), breaches }
    }

    #[test]
    fn a_sound_run_reads_at_a_glance() {
        let verdict = Verdict { rows: vec![row("tasks accepted", None), row("lost", Some(vec![]))] };
        let text = table(&verdict);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines, ["  tasks accepted       412", "  lost                   0  ok", "", "nothing was breached"]);
    }

    #[test]
    fn a_breach_is_spelt_out_but_not_without_end() {
        let lost = (0..12).map(|number| format!("task {number}")).collect();
        let text = table(&Verdict { rows: vec![row("lost", Some(lost))] });
        assert!(text.contains("12  BREACH") && text.contains("task 9\n") && text.contains("and 2 more"), "{text}");
        assert!(!text.contains("task 10") && text.ends_with("BREACHED"), "{text}");
    }
}
