//! The figures of mail, named here and nowhere else.
//!
//! | metric | tells |
//! |---|---|
//! | `zoetrope_notifier_mails_total{template,outcome}` | what became of mails: sent, deferred (to be tried again), failed, expired; unreachable, when there was no mail server to take them |
//! | `zoetrope_notifier_mail_send_seconds{outcome}` | from the connection to the mail server's answer |
//! | `zoetrope_notifier_mail_pending` | mails that wait to be sent, up to 10,000; the same from each replica |
//! | `zoetrope_notifier_mail_oldest_seconds` | since the oldest of them was asked for |

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

const MAILS: &str = "zoetrope_notifier_mails_total";
const SEND_SECONDS: &str = "zoetrope_notifier_mail_send_seconds";
const PENDING: &str = "zoetrope_notifier_mail_pending";
const OLDEST_SECONDS: &str = "zoetrope_notifier_mail_oldest_seconds";

pub(super) fn describe() {
    describe_counter!(MAILS, "What became of mails, by template.");
    describe_histogram!(SEND_SECONDS, "From the connection to the mail server's answer.");
    describe_gauge!(PENDING, "Mails that wait to be sent, up to 10,000.");
    describe_gauge!(OLDEST_SECONDS, "Since the oldest waiting mail was asked for.");
}

pub(super) fn ended(template: String, outcome: &'static str) {
    counter!(MAILS, "template" => template, "outcome" => outcome).increment(1);
}

pub(super) fn tried(outcome: &'static str, took: Duration) {
    histogram!(SEND_SECONDS, "outcome" => outcome).record(took);
}

pub(super) fn waiting(pending: i64, oldest_seconds: f64) {
    gauge!(PENDING).set(pending as f64);
    gauge!(OLDEST_SECONDS).set(oldest_seconds);
}
