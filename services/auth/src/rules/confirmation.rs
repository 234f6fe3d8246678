//! The link with which somebody confirms to receive mail at the address of an account, or at the one that is to take
//! its place.
//!
//! Of the first, nothing is stored: a seal shows that we made it, for this user, this address and this time. Opened, it shows a page that asks;
//! what only looks at links, as mail filters do, confirms nothing.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use zoetrope_domain::UserId;

use super::{login::key, sign_in_code::DAY};

/// Where it leads at the gateway.
const PATH: &str = "/api/auth/confirm-email";

/// What a link says.
#[derive(Debug, Clone, Copy)]
pub struct Confirmation {
    pub user: UserId,
    /// Unix seconds.
    pub expires: i64,
}

impl Confirmation {
    pub fn new(user: UserId, expires_at: DateTime<Utc>) -> Self {
        Self { user, expires: expires_at.timestamp() }
    }

    /// As somebody brings it back.
    pub fn read(user: Uuid, expires: i64) -> Self {
        Self { user: UserId::new(user), expires }
    }

    /// What is sealed. With another address the user needs another link.
    pub fn text(&self, email: &str) -> String {
        format!("confirm e-mail\n{}\n{}\n{}", self.user, self.expires, key(email))
    }

    pub fn link(&self, seal: &str) -> String {
        format!("{PATH}?user={}&expires={}&seal={seal}", self.user, self.expires)
    }

    /// Whether it is the link that was mailed to end at this moment.
    pub fn ends_with(&self, expires_at: DateTime<Utc>) -> bool {
        self.expires == expires_at.timestamp()
    }

    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.expires <= now.timestamp()
    }
}

/// How often a user is mailed a link once more.
#[derive(Debug, Clone, Copy)]
pub struct MailLimits {
    pub pause: TimeDelta,
    pub per_day: usize,
}

/// How long until the next one may be mailed; `None`: now. `asked` is when the last ones were, of a day.
pub fn wait(asked: &[DateTime<Utc>], limits: MailLimits, now: DateTime<Utc>) -> Option<TimeDelta> {
    let mut asked = asked.to_vec();
    asked.sort_unstable_by(|a, b| b.cmp(a));
    let after =
        |at: Option<&DateTime<Utc>>, pause: TimeDelta| at.map(|at| *at + pause - now).filter(|wait| *wait > TimeDelta::zero());
    let pause = after(asked.first(), limits.pause);
    let day = match limits.per_day.checked_sub(1) {
        Some(before) => after(asked.get(before), DAY),
        None => Some(DAY),
    };
    pause.max(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_mailed_once_more_after_a_pause_and_so_often_a_day() {
        let moment = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        let limits = MailLimits { pause: TimeDelta::seconds(60), per_day: 3 };
        let wait = |asked: &[i64], now: i64| {
            let asked: Vec<_> = asked.iter().map(|at| moment(*at)).collect();
            wait(&asked, limits, moment(now)).map(|wait| wait.num_seconds())
        };
        assert_eq!(wait(&[], 0), None);
        assert_eq!((wait(&[100], 101), wait(&[100], 159), wait(&[100], 160)), (Some(59), Some(1), None));
        assert_eq!(wait(&[0, 100, 200], 1_000), Some(86_400 - 1_000));
        assert_eq!(wait(&[0, 100, 200], 86_400), None);
        assert_eq!(wait(&[100, 86_390], 86_400), Some(50));
    }

    #[test]
    fn a_link_is_for_a_user_an_address_and_a_time() {
        let confirmation = |user, expires| Confirmation::read(Uuid::from_u128(user), expires);
        let text = confirmation(1, 10).text("Ann@x.io");
        assert_eq!(text, confirmation(1, 10).text("ann@x.io"));
        for other in
            [confirmation(2, 10).text("ann@x.io"), confirmation(1, 11).text("ann@x.io"), confirmation(1, 10).text("bo@x.io")]
        {
            assert_ne!(text, other);
        }
        let moment = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        assert!(!confirmation(1, 10).is_over(moment(9)) && confirmation(1, 10).is_over(moment(10)));
        let until = moment(10) + chrono::TimeDelta::milliseconds(999);
        assert!(confirmation(1, 10).ends_with(until) && !confirmation(1, 11).ends_with(until));
        let link = confirmation(1, 10).link("abc");
        assert_eq!(link, "/api/auth/confirm-email?user=00000000-0000-0000-0000-000000000001&expires=10&seal=abc");
    }
}
