//! What the last audit found, as metrics. Every replica shows the same, whichever of them made it; without any audit nothing is shown.
//!
//! | metric | tells |
//! |---|---|
//! | `zoetrope_audit_breaches{invariant}` | rows that break an invariant; anything but 0 is wrong |
//! | `zoetrope_audit_tasks{status}` | how many tasks there are |
//! | `zoetrope_audit_last_success_timestamp_seconds` | when the last audit was finished, whatever it found |

use metrics::gauge;

use super::report::Report;

pub fn show(report: &Report) {
    for finding in &report.invariants {
        gauge!("zoetrope_audit_breaches", "invariant" => finding.name.clone()).set(finding.breaches as f64);
    }
    for (status, count) in &report.tasks {
        gauge!("zoetrope_audit_tasks", "status" => status.clone()).set(*count as f64);
    }
    gauge!("zoetrope_audit_last_success_timestamp_seconds").set(report.finished_at().timestamp_millis() as f64 / 1_000.0);
}
