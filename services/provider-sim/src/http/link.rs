//! Addresses of files that expire, and need no key.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{simulator::Simulator, video::Video};

/// What makes an address valid.
#[derive(Debug, Deserialize)]
pub(super) struct Signature {
    /// Unix milliseconds.
    expires: i64,
    sig: String,
}

/// The address of a completed video's file, if it shall have one.
pub(super) fn to_file(simulator: &Simulator, video: &Video, request: &HttpRequest, now: DateTime<Utc>) -> Option<String> {
    let expires = simulator.link_expiry(video, now)?.timestamp_millis();
    let sig = simulator.sign(&video.id, expires);
    let connection = request.connection_info();
    let (scheme, host) = (connection.scheme(), connection.host());
    Some(format!("{scheme}://{host}/files/{}?expires={expires}&sig={sig}", video.id))
}

impl Signature {
    pub(super) fn is_good(&self, simulator: &Simulator, id: &str, now: DateTime<Utc>) -> bool {
        now.timestamp_millis() < self.expires && simulator.sign(id, self.expires) == self.sig
    }
}
