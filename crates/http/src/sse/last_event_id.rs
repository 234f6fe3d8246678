use std::str::FromStr;

use actix_web::http::header::HeaderMap;

const LAST_EVENT_ID: &str = "last-event-id";

/// What a client that comes back was told last. One that is not of this stream counts as none: the client is told everything again.
pub fn last_event_id<T: FromStr>(headers: &HeaderMap) -> Option<T> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn an_id_is_read_or_none_is_there() {
        let read = |value| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(LAST_EVENT_ID), HeaderValue::from_static(value));
            last_event_id::<u64>(&headers)
        };
        assert_eq!((read("12"), read("twelve"), read("")), (Some(12), None, None));
        assert_eq!(last_event_id::<u64>(&HeaderMap::new()), None);
    }
}
