//! What a prompt, the code of a sign-in, or a setting tells the simulator to do differently.
//!
//! A directive is written anywhere in the text; the picture shows the text without it.
//!
//! ```text
//! directive = "[sim:" name [ "=" value ] { " " option "=" value } "]"
//! option    = "times" | "retry_after" | "code"
//! ```
//!
//! A value may contain spaces. Seconds may be fractional, from 0 to 86400. An unknown name, option or value is refused
//! with 400, so that a misspelled directive cannot pass for a test of something.
//!
//! | directive | effect | options |
//! |---|---|---|
//! | `duration=SECONDS` | time from submission to the end | |
//! | `queue=SECONDS` | how much of it is spent `queued` | |
//! | `fail=REASON` | ends `failed` with this message | `code` (default `generation_failed`) |
//! | `stuck` | stays `in_progress` at 50 % and never ends | |
//! | `word=WORD` | the status of a video that has ended, instead of `completed` or `failed` | |
//! | `no_error=VALUE` | what stands in `error` where there is none: `nulls`, `blanks` (objects of such fields), `success` (code 0), `text` (`""`), `false`, `object`, `list`, `word` (`"none"`) | |
//! | `style=STYLE` | what is odd about answers that show this video: `bom`, `utf-16`, `surrogate` (half of a pair), `latin-1`, `control` (characters), `nan`, `deep`, `huge`, `texts` (for numbers), `trailing` (text behind the end); `data`, `result`, `response`, `nested`, `list` (envelopes around it) | |
//! | `slow=SECONDS` | each call about this video is answered that much later | |
//! | `submit=FAULT` | `STATUS`, `malformed`, `cut-before`, `cut-after` | `times`, `retry_after`, `code` |
//! | `poll=FAULT` | `STATUS`, `malformed`, `cut`, `unknown` (the status `dreaming`) | `times`, `retry_after`, `code` |
//! | `content=FAULT` | `STATUS`, `cut` (in the middle of what was asked for), `garbage` (200 with an HTML page) | `times`, `retry_after` |
//! | `delete=FAULT` | `STATUS`, `malformed`, `cut-before`, `cut-after` | `times`, `retry_after`, `code` |
//! | `link=SECONDS` | the completed video has a `url`, made anew at each look at it, that is good for so long and needs no key | `times` |
//!
//! In the code of a sign-in:
//!
//! | directive | effect | options |
//! |---|---|---|
//! | `subject=TEXT` | Google knows the user by it; else by a number that follows from the address | |
//! | `name=TEXT` | what Google says the user is called | |
//! | `unverified` | Google has not verified the address | |
//! | `nonce=TEXT` | the nonce of the ID token | |
//! | `redirect_uri=URL` | the code was given to this page, and no other may use it | |
//! | `id_token=FAULT` | `bad-signature`, `wrong-audience`, `wrong-issuer`, `bare-issuer`, `odd-types`, `no-subject`, `expired`, `unknown-key`, `unsigned`, `missing` | |
//! | `unionid=TEXT` | WeChat tells this `unionid` | |
//! | `errcode=NUMBER` | WeChat answers with this error | |
//! | `google_token=FAULT`, `wechat=FAULT` | `STATUS`, `malformed`, `garbage`, `cut` | `times`, `retry_after` |
//!
//! `google_discovery=FAULT` and `google_keys=FAULT`, in a setting only, are faults of what Google publishes.
//!
//! A fault hits one call; `times=N` makes it N, `times=always` every one. Submissions are counted by their
//! `Idempotency-Key`, or by their prompt when they carry none; exchanges by their code; the other calls by the video. Several faults for the same call
//! take effect one after the other. `STATUS` is 400 to 599; `retry_after` (whole seconds) goes with a `STATUS` only. With `code` the error is
//! of that code (`insufficient_quota`, `rate_limit_exceeded`, `moderation_blocked`, `server_overloaded`, `invalid_api_key`,
//! `account_deactivated`), and `STATUS` may be 200, too: an error in place of a video. `style` may be given several times; for the list of
//! videos, only that for everyone counts.
//!
//! `link` is for every look, and with `times=N` for the first N: the addresses that come after them last a day. So
//! `[sim:link=0 times=1]` is an address that has expired before anyone could use it, and a good one for who asks again. The faults of
//! `content` hit the calls to these addresses as well.
//!
//! `cut-before` and `STATUS` leave no trace of the call; `cut-after` and `malformed` come after it took effect.

mod parse;
mod sign_in;

use std::time::Duration;

use crate::{
    faults::{Failure, FaultRule, Times},
    wording::Wording,
};

pub(crate) use parse::InvalidDirective;
pub(crate) use sign_in::{IdTokenFault, SignIn};

/// The directives of one text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Directives {
    pub(crate) duration: Option<Duration>,
    pub(crate) queue: Option<Duration>,
    pub(crate) slow: Duration,
    pub(crate) outcome: Outcome,
    pub(crate) faults: Vec<FaultRule>,
    pub(crate) wording: Wording,
    pub(crate) link: Option<LinkRule>,
    pub(crate) sign_in: SignIn,
}

/// How long the addresses in a completed video are good.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LinkRule {
    pub(crate) life: Duration,
    pub(crate) times: Times,
}

/// How a generation ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Outcome {
    #[default]
    Succeed,
    Fail(Failure),
    /// It does not end.
    Stuck,
}

impl Directives {
    /// Reads all directives in `text`; a text without any gives the default.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidDirective> {
        parse::directives(text)
    }
}

/// The text without its directives, for showing it and for who signs in.
pub(crate) fn without_directives(text: &str) -> String {
    parse::split(text).map_or_else(|_| text.to_owned(), |(_, plain)| plain.trim().to_owned())
}

#[cfg(test)]
mod tests;
