//! When a link to choose a new password is mailed, and where it leads.

use chrono::{DateTime, TimeDelta, Utc};

/// Between two links for one account: nobody's letter box is to be filled by strangers.
const PAUSE: TimeDelta = TimeDelta::minutes(1);
/// Links of one account that work at a time.
const MOST: i64 = 5;

/// The links that an account was sent and that still work.
#[derive(Debug, Clone, Copy)]
pub struct OpenLinks {
    pub count: i64,
    pub latest: Option<DateTime<Utc>>,
}

impl OpenLinks {
    /// Whether there may be one more.
    pub fn allow_another(&self, now: DateTime<Utc>) -> bool {
        self.count < MOST && self.latest.is_none_or(|latest| latest + PAUSE <= now)
    }
}

/// The page on which a new password is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetPage {
    before: String,
    after: String,
}

impl ResetPage {
    const PLACE: &str = "{token}";

    /// `None` without exactly one place for the token.
    pub fn parse(front_end: &str, path: &str) -> Option<Self> {
        let (before, after) = path.split_once(Self::PLACE).filter(|(_, after)| !after.contains(Self::PLACE))?;
        let before = format!("{}{before}", front_end.trim_end_matches('/'));
        Some(Self { before, after: after.to_owned() })
    }

    /// Tokens need no escaping.
    pub fn link(&self, token: &str) -> String {
        format!("{}{token}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_few_and_far_between() {
        let now = DateTime::<Utc>::from_timestamp(1_763_700_000, 0).unwrap();
        let allowed = |count, seconds_ago: Option<i64>| {
            OpenLinks { count, latest: seconds_ago.map(|seconds| now - TimeDelta::seconds(seconds)) }.allow_another(now)
        };
        assert!(allowed(0, None) && allowed(1, Some(60)) && allowed(4, Some(600)));
        assert!(!allowed(1, Some(59)) && !allowed(5, Some(600)));
    }

    #[test]
    fn the_link_leads_to_the_page() {
        let page = ResetPage::parse("https://video.example/", "/reset?token={token}&x=1").unwrap();
        assert_eq!(page.link("abc"), "https://video.example/reset?token=abc&x=1");
        for path in ["/reset", "/{token}/{token}"] {
            assert_eq!(ResetPage::parse("https://video.example", path), None, "{path}");
        }
    }
}
