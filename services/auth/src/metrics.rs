//! The figures of this service, named here and nowhere else.
//!
//! | metric | tells |
//! |---|---|
//! | `zoetrope_auth_password_wait_seconds` | how long those who bring a password wait for their turn to be hashed |
//! | `zoetrope_auth_password_refusals_total` | those who were told to come back, because too many wait |
//! | `zoetrope_auth_lockouts_total` | tries that were refused unseen after too many wrong passwords or codes |
//! | `zoetrope_auth_sign_in_codes_total{event}` | codes that were `sent`, shown `right` or `wrong`, or `refused` because of too many |
//! | `zoetrope_auth_federation_call_seconds{service,outcome}` | calls to Google and WeChat; `outcome` is `answered` or `failed` |

use std::time::Duration;

use metrics::{counter, describe_counter, describe_histogram, histogram};

const PASSWORD_WAIT_SECONDS: &str = "zoetrope_auth_password_wait_seconds";
const PASSWORD_REFUSALS: &str = "zoetrope_auth_password_refusals_total";
const LOCKOUTS: &str = "zoetrope_auth_lockouts_total";
const SIGN_IN_CODES: &str = "zoetrope_auth_sign_in_codes_total";
const FEDERATION_CALL_SECONDS: &str = "zoetrope_auth_federation_call_seconds";

/// What happened with a code.
#[derive(Debug, Clone, Copy)]
pub enum CodeEvent {
    Sent,
    Right,
    Wrong,
    /// Too many were asked for, or tried.
    Refused,
}

impl CodeEvent {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Refused => "refused",
        }
    }
}

pub fn describe() {
    describe_histogram!(PASSWORD_WAIT_SECONDS, "How long a password waits for its turn to be hashed.");
    describe_counter!(PASSWORD_REFUSALS, "Passwords that were not hashed, because too many wait.");
    describe_counter!(LOCKOUTS, "Tries to sign in that were refused unseen after too many wrong passwords or codes.");
    describe_counter!(SIGN_IN_CODES, "Codes to sign in that were sent, right, wrong or refused.");
    describe_histogram!(FEDERATION_CALL_SECONDS, "Calls to the services that vouch for users.");
}

pub fn federation_called(service: &'static str, answered: bool, time: Duration) {
    let outcome = if answered { "answered" } else { "failed" };
    histogram!(FEDERATION_CALL_SECONDS, "service" => service, "outcome" => outcome).record(time);
}

pub fn password_waited(time: Duration) {
    histogram!(PASSWORD_WAIT_SECONDS).record(time);
}

pub fn password_refused() {
    counter!(PASSWORD_REFUSALS).increment(1);
}

pub fn locked_out() {
    counter!(LOCKOUTS).increment(1);
}

pub fn sign_in_code(event: CodeEvent) {
    counter!(SIGN_IN_CODES, "event" => event.as_str()).increment(1);
}
