//! Faults as data: which call goes wrong, how, and how often. Pure.

use serde::Serialize;

/// The calls of the API that can be made to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    /// `POST /v1/videos`
    Submit,
    /// `GET /v1/videos/{id}`
    Poll,
    /// `GET /v1/videos/{id}/content`, or the address that the video names
    Content,
    /// `DELETE /v1/videos/{id}`
    Delete,
    /// A look at the address that the video names. Counted, but nothing that a fault could hit.
    Link,
    /// Google's discovery document
    GoogleDiscovery,
    /// Google's keys
    GoogleKeys,
    /// Google's exchange of a code
    GoogleToken,
    /// WeChat's exchange of a code
    WeChatSession,
}

/// What happens instead of a proper answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An error answer; the call has no effect.
    Status {
        status: u16,
        /// Seconds for the `Retry-After` header.
        retry_after: Option<u32>,
    },
    /// An error of this code; the call has no effect. With status 200 it stands in place of a video.
    Refusal { status: u16, refusal: Refusal },
    /// The call takes effect; the answer is 200 with a body that is not JSON.
    Malformed,
    /// A video in a status that no client has heard of.
    UnknownStatus,
    /// 200 and a page for browsers instead of the file.
    Garbage,
    /// The connection is closed without an answer; the call has no effect.
    CutBefore,
    /// The call takes effect; then the connection is closed without an answer.
    CutAfter,
    /// The headers and half of the body arrive; then the connection is closed.
    CutHalfway,
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    InsufficientQuota,
    RateLimit,
    Moderation,
    Overload,
    InvalidApiKey,
    AccountDeactivated,
}

impl Refusal {
    pub(crate) const ALL: [Self; 6] = [
        Self::InsufficientQuota,
        Self::RateLimit,
        Self::Moderation,
        Self::Overload,
        Self::InvalidApiKey,
        Self::AccountDeactivated,
    ];

    pub(crate) fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.code() == code)
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::InsufficientQuota => "insufficient_quota",
            Self::RateLimit => "rate_limit_exceeded",
            Self::Moderation => "moderation_blocked",
            Self::Overload => "server_overloaded",
            Self::InvalidApiKey => "invalid_api_key",
            Self::AccountDeactivated => "account_deactivated",
        }
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::InsufficientQuota => "You exceeded your current quota, please check your plan and billing details.",
            Self::RateLimit => "Rate limit reached. To raise it, add a payment method on your billing page.",
            Self::Moderation => "Your request was rejected by the safety system.",
            Self::Overload => "The server is overloaded, please try again later.",
            Self::InvalidApiKey => "Incorrect API key provided: sk-t***t.",
            Self::AccountDeactivated => "The account that this key belongs to was deactivated.",
        }
    }
}

/// How many calls a rule hits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    Exactly(u32),
    Always,
}

impl Times {
    /// Whether the `nth` call (from 0) is among them.
    pub(crate) const fn include(self, nth: u32) -> bool {
        match self {
            Self::Exactly(times) => nth < times,
            Self::Always => true,
        }
    }
}

/// One fault for one kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FaultRule {
    pub(crate) call: Call,
    pub(crate) fault: Fault,
    pub(crate) times: Times,
}

/// The fault that hits the `nth` call (from 0) of this kind. The rules of one kind of call take effect one after the
/// other: the second begins when the first has hit as often as it says.
pub(crate) fn fault_for(rules: &[FaultRule], call: Call, nth: u32) -> Option<Fault> {
    let mut before = 0_u32;
    for rule in rules.iter().filter(|rule| rule.call == call) {
        match rule.times {
            Times::Always => return Some(rule.fault),
            Times::Exactly(times) => {
                before = before.saturating_add(times);
                if nth < before {
                    return Some(rule.fault);
                }
            }
        }
    }
    None
}

/// Why a generation failed, as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(call: Call, fault: Fault, times: Times) -> FaultRule {
        FaultRule { call, fault, times }
    }

    #[test]
    fn rules_of_one_call_take_effect_one_after_the_other() {
        let status = Fault::Status { status: 500, retry_after: None };
        let rules = [
            rule(Call::Poll, status, Times::Exactly(2)),
            rule(Call::Submit, Fault::CutAfter, Times::Always),
            rule(Call::Poll, Fault::Malformed, Times::Exactly(1)),
        ];
        let hits: Vec<_> = (0..4).map(|nth| fault_for(&rules, Call::Poll, nth)).collect();
        assert_eq!(hits, [Some(status), Some(status), Some(Fault::Malformed), None]);
        assert_eq!(fault_for(&rules, Call::Submit, u32::MAX), Some(Fault::CutAfter));
        assert_eq!(fault_for(&rules, Call::Content, 0), None);
    }
}
