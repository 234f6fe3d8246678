//! The figures of webhooks.
//!
//! | metric | tells |
//! |---|---|
//! | `zoetrope_webhook_attempts_total{outcome}` | requests that were made, by what came of them |
//! | `zoetrope_webhook_attempt_seconds` | how long they took |
//! | `zoetrope_webhook_pending` | messages that are to be delivered, up to 10,000 (the same from each replica) |
//! | `zoetrope_webhook_overdue_seconds` | how long the longest due of them has waited for its attempt |
//! | `zoetrope_webhook_disabled_total{reason}` | endpoints that were disabled without their owner's doing |

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::{DisableReason, Outcome};

const ATTEMPTS: &str = "zoetrope_webhook_attempts_total";
const ATTEMPT_SECONDS: &str = "zoetrope_webhook_attempt_seconds";
const PENDING: &str = "zoetrope_webhook_pending";
const OVERDUE: &str = "zoetrope_webhook_overdue_seconds";
const DISABLED: &str = "zoetrope_webhook_disabled_total";

pub fn describe() {
    describe_counter!(ATTEMPTS, "Requests to webhook endpoints, by outcome.");
    describe_histogram!(ATTEMPT_SECONDS, "How long requests to webhook endpoints took.");
    describe_gauge!(PENDING, "Webhook messages to be delivered.");
    describe_gauge!(OVERDUE, "How long the longest due webhook message has waited.");
    describe_counter!(DISABLED, "Webhook endpoints that were disabled, by reason.");
}

pub fn attempted(outcome: Outcome, duration: Duration) {
    counter!(ATTEMPTS, "outcome" => outcome.as_str()).increment(1);
    histogram!(ATTEMPT_SECONDS).record(duration);
}

pub fn backlog(pending: u32, overdue_seconds: f64) {
    gauge!(PENDING).set(pending);
    gauge!(OVERDUE).set(overdue_seconds);
}

pub fn disabled(reason: DisableReason) {
    counter!(DISABLED, "reason" => reason.as_str()).increment(1);
}
