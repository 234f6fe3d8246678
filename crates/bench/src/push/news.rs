use std::time::Instant;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Begins the external ids of the tasks here. The moment of publishing follows, with leading zeros, so that all frames are equally long.
const STAMP: &str = "at-";
const STAMP_DIGITS: usize = 20;

/// What a frame tells, as far as it is of interest here.
#[derive(Debug, Deserialize)]
pub struct News<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    #[serde(borrow, default)]
    pub payload: Payload<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Payload<'a> {
    #[serde(borrow)]
    pub external_video_id: Option<&'a str>,
}

impl<'a> News<'a> {
    pub fn read(text: &'a [u8]) -> Result<Self> {
        serde_json::from_slice(text).with_context(|| format!("not a frame of ours: {}", String::from_utf8_lossy(text)))
    }

    /// When it was published, if it tells of a change that was.
    pub fn published_at(&self) -> Option<Moment> {
        let is_change = self.kind.starts_with("task") && self.kind != "taskStatus";
        Moment::find(self.payload.external_video_id.filter(|_| is_change)?)
    }
}

/// Nanoseconds by the clock of this process, which publishes and receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    pub fn stamp(self) -> String {
        format!("{STAMP}{:0width$}", self.0, width = STAMP_DIGITS)
    }

    /// Reads what [`stamp`](Self::stamp) wrote, whatever comes after it.
    pub fn find(text: &str) -> Option<Self> {
        text.strip_prefix(STAMP)?.get(..STAMP_DIGITS)?.parse().ok().map(Self)
    }

    /// Seconds from an earlier moment to this one.
    pub fn since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1e9
    }
}

/// The one clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn now(self) -> Moment {
        Moment(u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// The same frame with another moment in it.
pub fn restamp(frame: &str, moment: Moment) -> Option<String> {
    let begin = frame.find(&format!("\"{STAMP}"))? + 1;
    let end = begin + STAMP.len() + STAMP_DIGITS;
    Some(format!("{}{}{}", frame.get(..begin)?, moment.stamp(), frame.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &str =
        r#"{"payload":{"externalVideoId":"at-00000000000000001234","progress":7},"timestamp":1,"type":"taskProgress"}"#;

    #[test]
    fn a_change_tells_when_it_was_published() {
        assert_eq!(News::read(FRAME.as_bytes()).unwrap().published_at(), Some(Moment(1234)));
        let status = FRAME.replace("taskProgress", "taskStatus");
        assert_eq!(News::read(status.as_bytes()).unwrap().published_at(), None, "a state that was known before");
        let heartbeat = News::read(br#"{"payload":{"uptime":3},"timestamp":1,"type":"heartbeat"}"#).unwrap();
        assert_eq!((heartbeat.kind, heartbeat.published_at()), ("heartbeat", None));
        assert!(News::read(b"[]").is_err());
    }

    #[test]
    fn a_stamp_is_replaced_by_one_as_long() {
        let other = restamp(FRAME, Moment(987_654_321)).unwrap();
        assert_eq!((other.len(), News::read(other.as_bytes()).unwrap().published_at()), (FRAME.len(), Some(Moment(987_654_321))));
        assert_eq!(restamp("{}", Moment(1)), None);
    }

    #[test]
    fn moments_are_apart() {
        assert!((Moment(2_500_000_000).since(Moment(500_000_000)) - 2.0).abs() < 1e-9);
        assert_eq!(Moment::find(&(Moment(7).stamp() + "-and more")), Some(Moment(7)));
    }
}
