use std::{io, time::Duration};

use actix_web::error::PayloadError;
use actix_ws::{CloseCode, CloseReason, ProtocolError, Session};
use tokio::time::timeout;

use crate::connection::Close;

/// What a closing frame may take. Then the connection is dropped.
const PATIENCE: Duration = Duration::from_secs(1);

impl Close {
    const fn code(self) -> u16 {
        match self {
            Self::Unauthorized => 4401,
            Self::Silent => 4408,
            Self::TooSlow => 1013,
            Self::Restart { .. } => 1012,
            Self::TooMany | Self::Nonsense | Self::Flooding => 1008,
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
            Self::Restart { .. } => "restart",
            Self::TooMany => "too_many",
            Self::Nonsense => "nonsense",
            Self::Flooding => "flooding",
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
            Self::TooSlow => "too slow: reconnect and resume".to_owned(),
            Self::Restart { retry_after } => format!("restarting: reconnect in {} ms", retry_after.as_millis()),
            Self::TooMany => "too many connections of this user".to_owned(),
            Self::Nonsense => "too many frames that cannot be understood".to_owned(),
            Self::Flooding => "too many requests".to_owned(),
            Self::Protocol => "protocol error".to_owned(),
            Self::NotText => "text must be UTF-8".to_owned(),
            Self::TooLong => "the frame is too long".to_owned(),
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
        ProtocolError::Io(error) => match error.get_ref().map(|cause| cause.downcast_ref()) {
            Some(Some(PayloadError::Overflow)) => Some(Close::TooLong),
            Some(Some(PayloadError::EncodingCorrupted)) => Some(Close::Protocol),
            Some(Some(PayloadError::Io(error))) if error.kind() == io::ErrorKind::QuotaExceeded => Some(Close::Flooding),
            Some(Some(_)) => None,
            // The only other error that is wrapped like this: the parts of a frame are too long together.
            Some(None) | None => Some(Close::TooLong),
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
        assert_eq!(io(io::Error::other(PayloadError::Overflow)), Some(Close::TooLong));
        assert_eq!(io(io::Error::other(PayloadError::EncodingCorrupted)), Some(Close::Protocol));
        let too_many = PayloadError::Io(io::ErrorKind::QuotaExceeded.into());
        assert_eq!(io(io::Error::other(too_many)), Some(Close::Flooding));
        let broken = PayloadError::Io(io::ErrorKind::ConnectionReset.into());
        assert_eq!(io(io::Error::other(broken)), None);
    }

    #[test]
    fn codes_reach_the_wire_as_they_are() {
        let restart = Close::Restart { retry_after: Duration::from_secs(86_400) };
        for close in [
            Close::Unauthorized,
            Close::Silent,
            Close::TooSlow,
            restart,
            Close::TooLong,
            Close::TooMany,
            Close::Nonsense,
            Close::Flooding,
        ] {
            assert_eq!(u16::from(CloseCode::from(close.code())), close.code());
            assert!(close.description().len() <= 123, "the protocol cuts longer ones");
        }
    }
}
