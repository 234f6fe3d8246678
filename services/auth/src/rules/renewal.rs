//! How long a session goes on that is renewed by its own token.
//!
//! A refresh token is good once, so a stolen one gives itself away. A session token is good for many uses: a thief could renew it for ever, and
//! nobody would notice. So it can be renewed for some time after the sign-in only.

use chrono::{DateTime, TimeDelta, Utc};

/// Until when a token is good that is given at `now` in exchange for another. `None`: the session has gone on for too long.
pub fn until(opened_at: DateTime<Utc>, now: DateTime<Utc>, lifetime: TimeDelta, renewable: TimeDelta) -> Option<DateTime<Utc>> {
    let end = (opened_at + renewable).min(now + lifetime);
    (end > now).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_until_the_session_is_too_old() {
        let opened_at = DateTime::from_timestamp(1_763_700_000, 0).unwrap();
        let until = |age: i64| {
            let now = opened_at + TimeDelta::days(age);
            until(opened_at, now, TimeDelta::days(7), TimeDelta::days(30)).map(|end| (end - opened_at).num_days())
        };
        assert_eq!([0, 6, 23, 24, 29, 30, 31].map(until), [Some(7), Some(13), Some(30), Some(30), Some(30), None, None]);
    }
}
