use std::{io, time::Duration};

use actix_web::error::PayloadError;
use actix_ws::{CloseCode, CloseReason, ProtocolError, Session};
use rand::RngExt;
use tokio::time::timeout;

use crate::connection::Close;

/// What a closing frame may take. Then the connection is dropped.
const PATIENCE: Duration = Duration::from_secs(1);
/// Clients that are sent away together are asked to come back within this time, not all at once.
const RECONNECT_WITHIN_MILLIS: u32 = 5000;

impl Close {
    const fn code(self) -> u16 {
        match self {
            Self::Unauthorized => 4401,
            Self::Silent => 4408,
            Self::TooSlow => 1013,
            Self::Restart => 1012,
            Self::Protocol => 1002,
            Self::NotText => 1007,
            Self::TooLong => 1009,
        }
    }

    /// Its name in metrics and logs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Silent => "silent",
            Self::TooSlow => "too_slow",
            Self::Restart => "restart",
            Self::Protocol => "protocol",
            Self::NotText => "not_text",
            Self::TooLong => "too_long",
        }
    }

    /// For the developer of the client, and for a client that comes back: when to do so.
    fn description(self) -> String {
        match self {
            Self::Unauthorized => "unauthorized".to_owned(),
            Self::Silent => "no sign of life".to_owned(),
            Self::TooSlow => "too slow: reconnect and ask for the present state".to_owned(),
            Self::Restart => format!("restarting: reconnect in {} ms", rand::rng().random_range(0..RECONNECT_WITHIN_MILLIS)),
            Self::Protocol => "protocol error".to_owned(),
            Self::NotText => "text must be UTF-8".to_owned(),
            Self::TooLong => "a frame may have 64 KiB at the most".to_owned(),
        }
    }
}

/// Ends the connection from this side.
pub async fn send(session: Session, reason: Close) {
    let reason = CloseReason { code: CloseCode::from(reason.code()), description: Some(reason.description()) };
    finish(session, Some(reason)).await;
}

/// Answers the client's closing frame with its own reason, as the protocol asks.
pub async fn answer(session: Session, reason: Option<CloseReason>) {
    finish(session, reason).await;
}

async fn finish(session: Session, reason: Option<CloseReason>) {
    // A client that is gone, or does not read, hears nothing of it: there is nobody else to tell.
    let _ = timeout(PATIENCE, session.close(reason)).await;
}

/// Why a frame that cannot be read ends the connection. None: the client is gone.
pub fn cause(error: &ProtocolError) -> Option<Close> {
    match error {
        ProtocolError::Overflow => Some(Close::TooLong),
        ProtocolError::Io(error) if error.kind() == io::ErrorKind::InvalidData => Some(Close::NotText),
        ProtocolError::Io(error) => match error.get_ref() {
            Some(cause) if cause.is::<PayloadError>() => None,
            // The only other error that is wrapped like this: the parts of a frame are too long together.
            _ => Some(Close::TooLong),
        },
        _ => Some(Close::Protocol),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreadable_frames_are_told_apart() {
        assert_eq!(cause(&ProtocolError::Overflow), Some(Close::TooLong));
        assert_eq!(cause(&ProtocolError::UnmaskedFrame), Some(Close::Protocol));
        let io = |error| cause(&ProtocolError::Io(error));
        assert_eq!(io(io::Error::new(io::ErrorKind::InvalidData, "utf-8")), Some(Close::NotText));
        assert_eq!(io(io::Error::other("Exceeded maximum continuation size")), Some(Close::TooLong));
        assert_eq!(io(io::Error::other(PayloadError::Incomplete(None))), None);
    }

    #[test]
    fn codes_reach_the_wire_as_they_are() {
        for close in [Close::Unauthorized, Close::Silent, Close::TooSlow, Close::Restart, Close::TooLong] {
            assert_eq!(u16::from(CloseCode::from(close.code())), close.code());
            assert!(close.description().len() <= 123, "the protocol cuts longer ones");
        }
    }
}
