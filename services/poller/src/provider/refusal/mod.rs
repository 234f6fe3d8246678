//! What an error is about, by what it says. Pure, and the same for submissions, polls and all other calls.
//!
//! A status alone does not say it: 429 may mean "slower" or "your money is gone", 400 and 500 may be the words of a moderator. So codes
//! that say something definite come first, then messages that do, then the status, then what is said in general. Messages may repeat the
//! prompt, or a notice that goes with every answer, so with some statuses less of what they say counts ([`words::messages`]).

mod words;

use super::{
    envelope::{self, Opened},
    json::{self, Content},
    reason::{self, Basis, Complaint, Reason},
    status::{self, Status},
};
use words::{DEFINITE_CODES, GENERAL_CODES, GENERAL_MESSAGES, Table};

/// A provider's no, or its complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: Kind,
    pub(super) reason: Reason,
    /// It says so by its status, by an error with content or by a flag, and not by a code alone.
    pub(super) is_plain: bool,
}

impl Refusal {
    /// What an answer of this status refuses. A proper answer does if it complains of something and shows no video.
    pub(super) fn of(status: u16, content: &Content) -> Option<Self> {
        if !(200..300).contains(&status) {
            let reason = reason::of_refusal(content);
            return Some(Self { kind: sort(Some(status), &reason), reason, is_plain: true });
        }
        let opened = envelope::open(content.json().ok()?, None)?;
        let Complaint { reason, basis } = if shows_video(&opened) { None } else { reason::of_envelope(&opened) }?;
        Some(Self { kind: sort(None, &reason), reason, is_plain: basis != Basis::Code })
    }
}

/// Whether an answer shows a video, and not only how the question went. An envelope that says that it failed is none if it says so of
/// something else than a video: too many requests, our account, that there is nothing of this name.
pub(super) fn shows_video(opened: &Opened<'_>) -> bool {
    let is_envelope = || {
        let failed = opened.status().is_some_and(|word| status::is_of_envelope(word) && status::of(word) == Some(Status::Failed));
        failed && opened.is_nameless()
    };
    let is_about_the_question = |kind: Kind| kind.is_passing() || kind.concerns_operator() || kind == Kind::NotFound;
    let complains = || reason::of_envelope(opened).is_some_and(|complaint| is_about_the_question(sort(None, &complaint.reason)));
    opened.shows_video() && !(is_envelope() && complains())
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// What was asked for, or what came of it, is not allowed.
    Moderation,
    /// Our money or quota is gone: the operator has to act.
    Quota,
    /// Our key, account, permission or model is wrong: the operator has to act.
    Auth,
    /// Too many calls or jobs: it is not accepted now.
    RateLimit,
    /// The provider is not well at the moment.
    Overload,
    /// There is no such thing.
    NotFound,
    /// The request is wrong.
    Invalid,
    /// It does not say.
    Other,
}

impl Kind {
    /// It passes by itself.
    pub(super) const fn is_passing(self) -> bool {
        matches!(self, Self::RateLimit | Self::Overload)
    }

    /// Nothing is wrong with the job: the operator has to act.
    pub(super) const fn concerns_operator(self) -> bool {
        matches!(self, Self::Quota | Self::Auth)
    }

    /// The same request would be refused again.
    pub(super) const fn is_about_the_request(self) -> bool {
        matches!(self, Self::Moderation | Self::Invalid)
    }

    /// The word for metrics and logs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Moderation => "moderation",
            Self::Quota => "quota",
            Self::Auth => "auth",
            Self::RateLimit => "rate_limit",
            Self::Overload => "overload",
            Self::NotFound => "not_found",
            Self::Invalid => "invalid",
            Self::Other => "other",
        }
    }
}

/// Sorts an error: an answer of this status, or `None` where a proper answer carries it.
pub(super) fn sort(status: Option<u16>, reason: &Reason) -> Kind {
    let codes: Vec<String> = reason.codes.iter().map(|code| json::word(code)).collect();
    let message = reason.message.as_deref().unwrap_or_default().to_lowercase();
    let numbers: Vec<u16> = reason.codes.iter().filter_map(|code| code.trim().parse().ok()).collect();
    // The code in a proper answer often is the status that it would have had.
    let meant = status.or_else(|| numbers.iter().copied().find(|number| (400..600).contains(number)));
    of_codes(DEFINITE_CODES, &codes)
        .or_else(|| words::messages(meant).iter().find_map(|table| of_text(table, &message)))
        .or_else(|| status.and_then(of_status))
        .or_else(|| numbers.iter().copied().find_map(of_status))
        .or_else(|| of_codes(GENERAL_CODES, &codes))
        .or_else(|| of_text(GENERAL_MESSAGES, &message))
        .unwrap_or(if meant.is_some_and(|status| (400..500).contains(&status)) { Kind::Invalid } else { Kind::Other })
}

fn of_codes(table: Table, codes: &[String]) -> Option<Kind> {
    let found = table.iter().find(|(_, parts)| codes.iter().any(|code| parts.iter().any(|part| code.contains(part))));
    found.map(|(kind, _)| *kind)
}

fn of_text(table: Table, text: &str) -> Option<Kind> {
    table.iter().find(|(_, parts)| parts.iter().any(|part| text.contains(part))).map(|(kind, _)| *kind)
}

/// What a status means where nothing definite is said. 400 and the like may mean anything.
const fn of_status(status: u16) -> Option<Kind> {
    match status {
        401 | 403 | 407 => Some(Kind::Auth),
        402 => Some(Kind::Quota),
        404 | 410 => Some(Kind::NotFound),
        425 | 429 => Some(Kind::RateLimit),
        408 | 500..=599 => Some(Kind::Overload),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
