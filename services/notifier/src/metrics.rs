//! The figures of this service, named here and nowhere else; those of mail are in `mail::metrics`.
//!
//! | metric | tells |
//! |---|---|
//! | `zoetrope_notifier_connections` | open connections: WebSockets and streams of events |
//! | `zoetrope_notifier_subscriptions` | tasks, and users' all tasks, that connections follow |
//! | `zoetrope_notifier_frames_sent_total{type}` | frames and events written |
//! | `zoetrope_notifier_push_delay_seconds` | from a task's change, by task-api's clock, to its frame or event |
//! | `zoetrope_notifier_coalesced_total` | updates that gave way to a newer one of their task, before they were sent |
//! | `zoetrope_notifier_readings_total{kind}` | feeds, and tasks, read for streams: present, missed, resync |
//! | `zoetrope_notifier_updates_heard_total` | updates that this replica's own queue brought |
//! | `zoetrope_notifier_saved_together` | updates that were saved by one statement |
//! | `zoetrope_notifier_feed_lag_seconds` | from a task's change to its row in the table of states |
//! | `zoetrope_notifier_reconciled_total` | updates that the sweep found before, or instead of, the live queue |
//! | `zoetrope_notifier_closed_total{reason}` | connections that the server ended; `too_slow` are those that it gave up |

use std::{cell::RefCell, collections::HashMap, sync::LazyLock};

use chrono::{DateTime, Utc};
use metrics::{Counter, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::stream::ReadingKind;

const CONNECTIONS: &str = "zoetrope_notifier_connections";
const SUBSCRIPTIONS: &str = "zoetrope_notifier_subscriptions";
const FRAMES_SENT: &str = "zoetrope_notifier_frames_sent_total";
const PUSH_DELAY: &str = "zoetrope_notifier_push_delay_seconds";
const COALESCED: &str = "zoetrope_notifier_coalesced_total";
const READINGS: &str = "zoetrope_notifier_readings_total";
const HEARD: &str = "zoetrope_notifier_updates_heard_total";
const SAVED_TOGETHER: &str = "zoetrope_notifier_saved_together";
const FEED_LAG: &str = "zoetrope_notifier_feed_lag_seconds";
const RECONCILED: &str = "zoetrope_notifier_reconciled_total";
const CLOSED: &str = "zoetrope_notifier_closed_total";

// What is counted for each frame is looked up once, and not for each frame.
static PUSH_DELAYS: LazyLock<Histogram> = LazyLock::new(|| histogram!(PUSH_DELAY));
thread_local! {
    static FRAMES: RefCell<HashMap<&'static str, Counter>> = RefCell::default();
}

/// To be called before all else here.
pub fn describe() {
    describe_gauge!(CONNECTIONS, "Open connections.");
    describe_gauge!(SUBSCRIPTIONS, "Tasks, and users' all tasks, that connections follow.");
    describe_counter!(FRAMES_SENT, "Frames written, by type.");
    describe_histogram!(PUSH_DELAY, "From a task's change to its frame.");
    describe_counter!(COALESCED, "Updates that gave way to a newer one of their task.");
    describe_counter!(READINGS, "Feeds and tasks that were read for streams, by kind.");
    describe_counter!(HEARD, "Updates that this replica's own queue brought.");
    describe_histogram!(SAVED_TOGETHER, "Updates that were saved by one statement.");
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
    FRAMES.with_borrow_mut(|frames| {
        frames.entry(kind).or_insert_with(|| counter!(FRAMES_SENT, "type" => kind)).increment(1);
    });
}

pub fn pushed(changed: DateTime<Utc>, now: DateTime<Utc>) {
    PUSH_DELAYS.record(seconds_since(changed, now));
}

pub fn coalesced() {
    counter!(COALESCED).increment(1);
}

pub fn read(kind: ReadingKind) {
    let kind = match kind {
        ReadingKind::Present => "present",
        ReadingKind::Missed => "missed",
        ReadingKind::Resync => "resync",
    };
    counter!(READINGS, "kind" => kind).increment(1);
}

pub fn heard() {
    counter!(HEARD).increment(1);
}

pub fn saved_together(updates: usize) {
    histogram!(SAVED_TOGETHER).record(u32::try_from(updates).unwrap_or(u32::MAX));
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
