//! The figures of this service, named here and nowhere else; those of mail are in `mail::metrics`.
//!
//! | metric | tells |
//! |---|---|
//! | `zoetrope_notifier_connections` | open connections |
//! | `zoetrope_notifier_subscriptions` | tasks, and users' all tasks, that connections follow |
//! | `zoetrope_notifier_frames_sent_total{type}` | frames written |
//! | `zoetrope_notifier_push_delay_seconds` | from a task's change, by task-api's clock, to its frame |
//! | `zoetrope_notifier_feed_lag_seconds` | from a task's change to its row in the table of states |
//! | `zoetrope_notifier_reconciled_total` | updates that the sweep found before, or instead of, the live queue |
//! | `zoetrope_notifier_closed_total{reason}` | connections that the server ended |

use chrono::{DateTime, Utc};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

const CONNECTIONS: &str = "zoetrope_notifier_connections";
const SUBSCRIPTIONS: &str = "zoetrope_notifier_subscriptions";
const FRAMES_SENT: &str = "zoetrope_notifier_frames_sent_total";
const PUSH_DELAY: &str = "zoetrope_notifier_push_delay_seconds";
const FEED_LAG: &str = "zoetrope_notifier_feed_lag_seconds";
const RECONCILED: &str = "zoetrope_notifier_reconciled_total";
const CLOSED: &str = "zoetrope_notifier_closed_total";

pub fn describe() {
    describe_gauge!(CONNECTIONS, "Open connections.");
    describe_gauge!(SUBSCRIPTIONS, "Tasks, and users' all tasks, that connections follow.");
    describe_counter!(FRAMES_SENT, "Frames written, by type.");
    describe_histogram!(PUSH_DELAY, "From a task's change to its frame.");
    describe_histogram!(FEED_LAG, "From a task's change to its row in the table of states.");
    describe_counter!(RECONCILED, "Updates that the sweep found before the live queue brought them.");
    describe_counter!(CLOSED, "Connections that the server ended, by reason.");
    gauge!(CONNECTIONS).set(0.0);
    gauge!(SUBSCRIPTIONS).set(0.0);
}

pub fn connected() {
    gauge!(CONNECTIONS).increment(1.0);
}

pub fn disconnected() {
    gauge!(CONNECTIONS).decrement(1.0);
}

pub fn subscribed() {
    gauge!(SUBSCRIPTIONS).increment(1.0);
}

pub fn unsubscribed() {
    gauge!(SUBSCRIPTIONS).decrement(1.0);
}

pub fn frame_sent(kind: &'static str) {
    counter!(FRAMES_SENT, "type" => kind).increment(1);
}

pub fn pushed(changed: DateTime<Utc>, now: DateTime<Utc>) {
    histogram!(PUSH_DELAY).record(seconds_since(changed, now));
}

pub fn fed(changed: DateTime<Utc>, now: DateTime<Utc>) {
    histogram!(FEED_LAG).record(seconds_since(changed, now));
}

pub fn reconciled() {
    counter!(RECONCILED).increment(1);
}

pub fn closed(reason: &'static str) {
    counter!(CLOSED, "reason" => reason).increment(1);
}

/// Two machines' clocks are compared: a change that seems to come from the future counts as just made.
fn seconds_since(changed: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
    (now - changed).to_std().unwrap_or_default().as_secs_f64()
}
