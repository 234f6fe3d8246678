use super::calls::CallError;

/// Why a service did not vouch for somebody.
#[derive(Debug, thiserror::Error)]
pub enum FederationError {
    /// The code is not good, or what came for it.
    #[error("the sign-in was refused: {0}")]
    Refused(&'static str),
    /// The code was given to a page that is none of ours.
    #[error("the page is none of ours")]
    StrangePage,
    #[error("the user is blocked there")]
    Blocked,
    #[error("too many sign-ins, the next in {0} s")]
    TooOften(u64),
    #[error("{service} does not answer as it should")]
    Away {
        service: &'static str,
        /// Seconds.
        retry_after: u64,
        #[source]
        source: CallError,
    },
    /// It does not take us for whom we say we are.
    #[error("{service} refuses this platform: {reason}")]
    Misconfigured { service: &'static str, reason: String },
}

impl FederationError {
    /// There was no answer that could be used. What will be so for ever is for the operator to mend.
    pub fn away(service: &'static str, source: CallError) -> Self {
        if matches!(source, CallError::OtherService) {
            return Self::Misconfigured { service, reason: source.to_string() };
        }
        Self::Away { service, retry_after: source.retry_after(), source }
    }
}
