use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE,
};

/// What a server said of a file when its download began. By it, a later part is known to be of the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileVersion {
    /// In bytes; not every server tells it.
    length: Option<u64>,
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
    /// Changes with every change of the file, so that it may vouch for a part.
    validator: Option<HeaderValue>,
    ranges: Ranges,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ranges {
    Offered,
    Refused,
    NotMentioned,
}

/// A part that does not continue the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("the answer does not say which part of the file it is")]
    NoRange,
    #[error("the part begins elsewhere")]
    Start,
    #[error("the file has another length by now")]
    Length,
    #[error("the file has changed")]
    Changed,
}

impl FileVersion {
    pub(super) fn new(headers: &HeaderMap) -> Self {
        let own = |name: HeaderName| headers.get(name).cloned();
        let (etag, last_modified) = (own(ETAG), own(LAST_MODIFIED));
        let ranges = match text(headers, ACCEPT_RANGES) {
            Some(unit) if unit.eq_ignore_ascii_case("bytes") => Ranges::Offered,
            Some(_) => Ranges::Refused,
            None => Ranges::NotMentioned,
        };
        let validator = match &etag {
            Some(etag) => Some(etag).filter(|etag| etag.as_bytes().starts_with(b"\"")),
            None => last_modified.as_ref().filter(|_| is_long_unchanged(headers)),
        };
        Self {
            length: text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok()),
            validator: validator.cloned(),
            etag,
            last_modified,
            ranges,
        }
    }

    pub(super) const fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether it makes sense to ask for the rest of the file after a cut.
    pub(super) const fn can_be_resumed(&self) -> bool {
        match self.ranges {
            Ranges::Offered => true,
            Ranges::Refused => false,
            Ranges::NotMentioned => self.validator.is_some(),
        }
    }

    /// Headers that ask for the file from this byte on.
    pub(super) fn request_from(&self, start: u64) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Ok(range) = HeaderValue::try_from(format!("bytes={start}-")) {
            headers.insert(RANGE, range);
        }
        if let Some(validator) = &self.validator {
            headers.insert(IF_RANGE, validator.clone());
        }
        headers
    }

    /// Makes sure that an answer with these headers continues the file at this byte.
    pub(super) fn check_part(&mut self, headers: &HeaderMap, start: u64) -> Result<(), Mismatch> {
        let (first, length) = text(headers, CONTENT_RANGE).and_then(content_range).ok_or(Mismatch::NoRange)?;
        if first != start {
            return Err(Mismatch::Start);
        }
        if self.length.is_some_and(|known| known != length) {
            return Err(Mismatch::Length);
        }
        let differs = |name: HeaderName, known: &Option<HeaderValue>| match (headers.get(name), known) {
            (Some(now), Some(known)) => now != known,
            _ => false,
        };
        if differs(ETAG, &self.etag) || differs(LAST_MODIFIED, &self.last_modified) {
            return Err(Mismatch::Changed);
        }
        self.length = Some(length);
        Ok(())
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// A file that changed within the second of the answer could change once more and keep its date.
fn is_long_unchanged(headers: &HeaderMap) -> bool {
    let date = |name| text(headers, name).and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    match (date(LAST_MODIFIED), date(DATE)) {
        (Some(changed), Some(answered)) => answered.with_timezone(&Utc) - changed.with_timezone(&Utc) >= TimeDelta::seconds(1),
        _ => false,
    }
}

/// First byte and length of the file in `bytes FIRST-LAST/LENGTH`.
fn content_range(value: &str) -> Option<(u64, u64)> {
    let (unit, range) = value.split_once(' ')?;
    let (part, length) = range.split_once('/')?;
    let (first, last) = part.split_once('-')?;
    let (first, last, length) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?, length.parse::<u64>().ok()?);
    (unit.eq_ignore_ascii_case("bytes") && first <= last && last < length).then_some((first, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLIER: &str = "Wed, 21 Oct 2015 07:27:00 GMT";
    const NOW: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

    type Headers<'a> = &'a [(&'static str, &'static str)];

    fn headers(pairs: Headers<'_>) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn version(pairs: Headers<'_>) -> FileVersion {
        FileVersion::new(&headers(pairs))
    }

    fn check(version: Headers<'_>, part: Headers<'_>) -> Result<(), Mismatch> {
        FileVersion::new(&headers(version)).check_part(&headers(part), 40)
    }

    #[test]
    fn only_what_a_server_vouches_for_is_resumed() {
        let cases: [(Headers<'_>, bool, Option<&str>); 10] = [
            (&[], false, None),
            (&[("content-length", "100")], false, None),
            (&[("accept-ranges", "bytes")], true, None),
            (&[("accept-ranges", "none"), ("etag", "\"a\"")], false, Some("\"a\"")),
            (&[("etag", "\"a\"")], true, Some("\"a\"")),
            (&[("etag", "W/\"a\"")], false, None),
            (&[("etag", "W/\"a\""), ("last-modified", EARLIER), ("date", NOW)], false, None),
            (&[("last-modified", EARLIER), ("date", NOW)], true, Some(EARLIER)),
            (&[("last-modified", NOW), ("date", NOW)], false, None),
            (&[("last-modified", EARLIER)], false, None),
        ];
        for (pairs, resumed, validator) in cases {
            let version = version(pairs);
            assert_eq!(version.can_be_resumed(), resumed, "{pairs:?}");
            let asked = version.request_from(40);
            assert_eq!(asked["range"], "bytes=40-");
            assert_eq!(asked.get("if-range").map(|value| value.to_str().unwrap()), validator, "{pairs:?}");
        }
    }

    #[test]
    fn a_part_has_to_continue_the_file() {
        let cases: [(&str, Result<(), Mismatch>); 9] = [
            ("bytes 40-99/100", Ok(())),
            ("bytes 40-50/100", Ok(())),
            ("bytes 39-99/100", Err(Mismatch::Start)),
            ("bytes 40-99/101", Err(Mismatch::Length)),
            ("bytes 40-99/*", Err(Mismatch::NoRange)),
            ("bytes */100", Err(Mismatch::NoRange)),
            ("bytes 40-100/100", Err(Mismatch::NoRange)),
            ("items 40-99/100", Err(Mismatch::NoRange)),
            ("", Err(Mismatch::NoRange)),
        ];
        for (range, expected) in cases {
            assert_eq!(check(&[("content-length", "100")], &[("content-range", range)]), expected, "{range}");
        }
        assert_eq!(check(&[("content-length", "100")], &[]), Err(Mismatch::NoRange));
    }

    #[test]
    fn a_part_of_a_changed_file_is_refused() {
        let range = ("content-range", "bytes 40-99/100");
        for (name, one, other) in [("etag", "\"a\"", "\"b\""), ("etag", "W/\"a\"", "W/\"b\""), ("last-modified", EARLIER, NOW)] {
            assert_eq!(check(&[(name, one)], &[range, (name, one)]), Ok(()));
            assert_eq!(check(&[(name, one)], &[range]), Ok(()));
            assert_eq!(check(&[(name, one)], &[range, (name, other)]), Err(Mismatch::Changed));
        }
    }

    #[test]
    fn a_part_tells_the_length_that_was_unknown() {
        let mut version = version(&[("etag", "\"a\"")]);
        assert_eq!(version.length(), None);
        version.check_part(&headers(&[("content-range", "bytes 40-99/100")]), 40).unwrap();
        assert_eq!(version.length(), Some(100));
    }
}
