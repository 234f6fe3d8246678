//! A file, or the part of it that `Range` asks for.

use std::{
    hash::{DefaultHasher, Hasher},
    ops::Range,
};

use actix_web::{
    HttpRequest,
    http::header::{EntityTag, Header, IfRange, Range as RangeHeader},
};

/// What a request asks of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    Part(Range<usize>),
    /// Nothing of it lies within the file.
    Nothing,
}

/// Strong: the same for the same bytes only.
pub(super) fn etag(file: &[u8]) -> EntityTag {
    let mut hasher = DefaultHasher::new();
    hasher.write(file);
    EntityTag::new_strong(format!("{:016x}", hasher.finish()))
}

/// Several ranges, and those that cannot be read, are ignored, as a server may.
pub(super) fn wanted(request: &HttpRequest, etag: &EntityTag, length: usize) -> Wanted {
    let Ok(RangeHeader::Bytes(specs)) = RangeHeader::parse(request) else { return Wanted::Whole };
    let [spec] = specs.as_slice() else { return Wanted::Whole };
    // The part only if the file is still the one that the client has a part of.
    match IfRange::parse(request) {
        Ok(IfRange::EntityTag(known)) if !known.strong_eq(etag) => return Wanted::Whole,
        Ok(IfRange::Date(_)) => return Wanted::Whole,
        Ok(IfRange::EntityTag(_)) | Err(_) => {}
    }
    let found = spec.to_satisfiable_range(length as u64).and_then(|(first, last)| {
        let (first, last) = (usize::try_from(first).ok()?, usize::try_from(last).ok()?);
        Some(first..last + 1)
    });
    found.map_or(Wanted::Nothing, Wanted::Part)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asked(headers: &[(&'static str, &str)]) -> Wanted {
        let request = headers.iter().fold(TestRequest::get(), |request, header| request.insert_header(*header));
        wanted(&request.to_http_request(), &EntityTag::new_strong("a".to_owned()), 100)
    }

    #[test]
    fn single_ranges_are_obeyed() {
        for (range, part) in [("bytes=40-", 40..100), ("bytes=40-49", 40..50), ("bytes=90-200", 90..100), ("bytes=-7", 93..100)] {
            assert_eq!(asked(&[("range", range)]), Wanted::Part(part), "{range}");
        }
        assert_eq!(asked(&[("range", "bytes=100-")]), Wanted::Nothing);
        for range in ["bytes=0-1,5-6", "items=0-1", "soon"] {
            assert_eq!(asked(&[("range", range)]), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn a_part_of_another_file_is_not_sent() {
        let range = ("range", "bytes=40-");
        assert_eq!(asked(&[range, ("if-range", "\"a\"")]), Wanted::Part(40..100));
        for other in ["\"b\"", "W/\"a\"", "Wed, 21 Oct 2015 07:28:00 GMT"] {
            assert_eq!(asked(&[range, ("if-range", other)]), Wanted::Whole, "{other}");
        }
    }
}
