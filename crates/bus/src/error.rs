use std::error::Error;

/// Why a connection was given up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("could not {doing}")]
    Amqp { doing: &'static str, source: lapin::Error },
    #[error("could not {doing} within 5 s")]
    TimedOut { doing: &'static str },
    #[error("the broker reported an error")]
    Reported(#[source] lapin::Error),
    #[error("the connection broke")]
    Broken,
    #[error("the broker cancelled the consumer, as when its queue is deleted")]
    Cancelled,
    #[error("a message could not be settled")]
    Unsettled,
    #[error("a batch of messages was not confirmed in time")]
    Unconfirmed,
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HandleError;

    #[test]
    fn causes_follow_the_error() {
        let error = HandleError::failed(LinkError::TimedOut { doing: "connect" });
        assert_eq!(chain(&error), "handling the message failed: could not connect within 5 s");
    }
}
