//! The `Range` header (RFC 9110, section 14), for one range of bytes.

use std::ops::Range;

/// What a `Range` header asks of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Everything: the header asks for nothing that one answer could carry, which a server may ignore.
    Whole,
    Part(Range<u64>),
    /// Nothing of it lies within the file.
    Unsatisfiable,
}

/// Reads a `Range` header for a file of `size` bytes.
pub fn parse(header: &str, size: u64) -> Wanted {
    let spec = header.trim().split_once('=').filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes")).map(|(_, spec)| spec.trim());
    let Some((first, last)) = spec.and_then(|spec| spec.split_once('-')) else { return Wanted::Whole };
    let range = match (number(first), number(last)) {
        (Ok(Some(first)), Ok(Some(last))) if first <= last => first..last.saturating_add(1).min(size),
        (Ok(Some(first)), Ok(None)) => first..size,
        (Ok(None), Ok(Some(length))) => size.saturating_sub(length)..size,
        // Backwards, empty, several ranges, or no numbers: as if there were no header.
        _ => return Wanted::Whole,
    };
    if range.is_empty() { Wanted::Unsatisfiable } else { Wanted::Part(range) }
}

/// `Ok(None)` for the open end of a range. A number beyond `u64` is beyond any file too.
fn number(text: &str) -> Result<Option<u64>, ()> {
    match text.trim() {
        "" => Ok(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Some(digits.parse().unwrap_or(u64::MAX))),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_cut_to_the_file() {
        for (header, range) in [
            ("bytes=0-9", 0..10),
            ("bytes=90-", 90..100),
            ("bytes=90-1000", 90..100),
            ("bytes=-10", 90..100),
            ("bytes=-1000", 0..100),
            ("BYTES=5 - 5", 5..6),
            ("bytes=0-99999999999999999999999", 0..100),
        ] {
            assert_eq!(parse(header, 100), Wanted::Part(range), "{header}");
        }
    }

    #[test]
    fn a_range_outside_the_file_is_unsatisfiable() {
        for header in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(parse(header, 100), Wanted::Unsatisfiable, "{header}");
        }
        assert_eq!(parse("bytes=0-", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn anything_else_is_ignored() {
        for header in ["", "bytes", "bytes=", "bytes=-", "bytes=9-1", "bytes=0-1,5-6", "bytes=a-b", "items=0-1", "bytes=--1"] {
            assert_eq!(parse(header, 100), Wanted::Whole, "{header}");
        }
    }
}
