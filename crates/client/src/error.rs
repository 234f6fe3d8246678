//! What can go wrong, and the body that the server explains itself with.

use std::{fmt, path::PathBuf};

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use tokio_tungstenite::tungstenite;

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address of the gateway cannot be used.
    #[error("{url:?} is not an address of a gateway: {reason}")]
    InvalidUrl { url: String, reason: String },
    /// No HTTP client can be made on this machine.
    #[error("cannot set up the HTTP client")]
    Setup(#[source] reqwest::Error),
    /// No complete answer came: no connection, a connection that broke, or silence.
    #[error("the server gave no answer")]
    Transport(#[source] reqwest::Error),
    /// The server answered with another status than 2xx.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The answer is not what this call promises.
    #[error("the server's answer cannot be read: {body:.200}")]
    UnexpectedBody { body: String, source: serde_json::Error },
    /// The WebSocket cannot be opened, or broke.
    #[error("the WebSocket failed")]
    Socket(#[source] Box<tungstenite::Error>),
    /// The server closed the WebSocket.
    #[error("the server closed the WebSocket{}", close_reason(*code, reason))]
    SocketClosed {
        /// None when it ended without a close frame.
        code: Option<u16>,
        reason: String,
    },
    /// The token was refused on the WebSocket.
    #[error("the WebSocket refused the token: {0}")]
    SocketUnauthorized(String),
    /// A request on the WebSocket, such as a subscription, was answered with an error.
    #[error("the WebSocket refused a request: {0}")]
    SocketRefused(String),
    /// A file of ours cannot be read or written.
    #[error("cannot use the file {}", path.display())]
    File { path: PathBuf, source: std::io::Error },
}

impl ClientError {
    /// The HTTP status, when the server answered with an error.
    pub fn status(&self) -> Option<StatusCode> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// The server's answer, when it was an error.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// True when nobody listens at the gateway's address, or the gateway has nobody behind it: a platform that is still
    /// starting, or is down.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Transport(error) => error.is_connect(),
            Self::Refused(refusal) => {
                matches!(refusal.status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
            }
            _ => false,
        }
    }
}

fn close_reason(code: Option<u16>, reason: &str) -> String {
    match code {
        Some(code) if reason.is_empty() => format!(" ({code})"),
        Some(code) => format!(" ({code} {reason})"),
        None => " without a word".to_owned(),
    }
}

/// An answer with another status than 2xx.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: StatusCode,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u64>,
    /// The body, when it is Zoetrope's own; a proxy in between may answer with anything.
    pub problem: Option<Problem>,
    /// The body as text.
    pub body: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Some(problem) => write!(formatter, "{problem} ({})", self.status.as_u16())?,
            None => write!(formatter, "the server answered {}", self.status)?,
        }
        match self.retry_after {
            Some(seconds) => write!(formatter, "; try again in {seconds} s"),
            None => Ok(()),
        }
    }
}

/// The one error body of the API.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// A stable word, such as `VALIDATION_ERROR`.
    pub code: String,
    /// For people.
    pub message: String,
    /// The fields at fault.
    #[serde(default)]
    pub errors: Vec<FieldProblem>,
    /// Names the request in the server's logs.
    pub request_id: Option<String>,
    /// What the code promises besides, such as `required` and `current` credits.
    #[serde(default)]
    pub data: Value,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)?;
        match &self.request_id {
            Some(id) => write!(formatter, " [request {id}]"),
            None => Ok(()),
        }
    }
}

/// One field of a request, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FieldProblem {
    pub field: String,
    pub message: String,
}
