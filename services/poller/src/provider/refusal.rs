//! What an error is about, by what it says. Pure, and the same for submissions, polls and all other calls.
//!
//! A status alone does not say it: 429 may mean "slower" or "your money is gone", 400 and 500 may be the words of a moderator. So codes
//! that say something definite come first, then messages that do, then the status, then what is said in general.

use super::{
    envelope,
    json::{self, Content},
    reason::{self, Reason},
};

/// A provider's no, or its complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: Kind,
    pub(super) reason: Reason,
}

impl Refusal {
    /// What an answer of this status refuses. A proper answer does if it complains of something and shows no video.
    pub(super) fn of(status: u16, content: &Content) -> Option<Self> {
        if !(200..300).contains(&status) {
            let reason = reason::of_refusal(content);
            return Some(Self { kind: sort(Some(status), &reason), reason });
        }
        let opened = envelope::open(content.json().ok()?, None)?;
        let reason = if opened.shows_video() { None } else { reason::of_envelope(&opened) }?;
        Some(Self { kind: sort(None, &reason), reason })
    }
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

type Table = &'static [(Kind, &'static [&'static str])];

/// Parts of codes that are definite, as [`json::word`] writes them. The first that is found counts.
const DEFINITE_CODES: Table = &[
    (
        Kind::Moderation,
        &[
            "moderat",
            "policy",
            "policies",
            "sensitive",
            "unsafe",
            "safety",
            "nsfw",
            "illegaldetected",
            "illegalcontent",
            "textillegal",
            "imageillegal",
            "datainspection",
            "riskdetect",
            "riskcontrol",
            "raimedia",
            "contentfilter",
            "prohibited",
            "guardrail",
            "infringement",
            "copyright",
            "flagged",
            "inappropriate",
        ],
    ),
    (
        Kind::RateLimit,
        &[
            "ratelimit",
            "ratequota",
            "rateexceed",
            "toomany",
            "throttl",
            "concurren",
            "requestlimit",
            "jobnumexceed",
            "queuefull",
            "resourceexhausted",
            "slowdown",
            "burst",
        ],
    ),
    (
        Kind::Quota,
        &[
            "quota",
            "balance",
            "insufficientcredit",
            "insufficientfund",
            "notenoughcredit",
            "outofcredit",
            "nocredit",
            "billing",
            "arrear",
            "overdue",
            "paymentrequired",
            "spendlimit",
            "spendinglimit",
            "hardlimit",
        ],
    ),
    (
        Kind::Auth,
        &[
            "apikey",
            "unauthori",
            "unauthenticated",
            "authentication",
            "authfail",
            "autherror",
            "invalidauth",
            "accountdeactivated",
            "accountdisabled",
            "accountsuspended",
            "deactivated",
            "permission",
            "accessdenied",
            "accessterminated",
            "invalidtoken",
            "invalidsignature",
            "notverified",
            "mustbeverified",
            "modelnotfound",
            "modelnotopen",
            "modelnotexist",
            "invalidmodel",
            "invalidendpointormodel",
            "unsupportedcountry",
            "ipnotallowed",
            "ipnotauthorized",
        ],
    ),
];

/// Parts of messages that are definite, in small letters.
const DEFINITE_MESSAGES: Table = &[
    (
        Kind::Moderation,
        &[
            "moderation",
            "content policy",
            "content polic",
            "usage polic",
            "safety system",
            "safety polic",
            "safety filter",
            "content filter",
            "community guideline",
            "violates our",
            "violate our",
            "violation of our",
            "sensitive content",
            "sensitive information",
            "sensitive word",
            "flagged",
            "nsfw",
            "prohibited content",
            "inappropriate content",
            "risk control",
            "copyright",
            "content_policy",
            "敏感",
            "违规",
            "违禁",
            "审核",
        ],
    ),
    (
        Kind::RateLimit,
        &[
            "rate limit",
            "ratelimit",
            "rate_limit",
            "too many",
            "per minute",
            "per second",
            "throttl",
            "concurren",
            "slow down",
            "queue is full",
            "请求过于频繁",
            "限流",
        ],
    ),
    (
        Kind::Quota,
        &[
            "insufficient quota",
            "insufficient_quota",
            "insufficient balance",
            "insufficient credit",
            "insufficient fund",
            "current quota",
            "quota exceeded",
            "quota is exceeded",
            "quota exhausted",
            "exceeded your quota",
            "not enough credit",
            "not enough balance",
            "out of credit",
            "no credits",
            "billing",
            "payment required",
            "in arrears",
            "overdue",
            "余额不足",
            "额度不足",
            "欠费",
        ],
    ),
    (
        Kind::Auth,
        &[
            "api key",
            "api-key",
            "api_key",
            "unauthorized",
            "authentication",
            "not authenticated",
            "account has been",
            "account is deactivated",
            "account is disabled",
            "account is suspended",
            "permission",
            "access denied",
            "does not have access",
            "do not have access",
            "must be verified",
            "model not found",
            "无效的令牌",
        ],
    ),
];

/// Parts of codes that say something in general.
const GENERAL_CODES: Table = &[
    (
        Kind::Overload,
        &[
            "overload",
            "capacity",
            "busy",
            "servererror",
            "internalerror",
            "internalservererror",
            "unavailable",
            "timeout",
            "timedout",
            "deadlineexceeded",
            "badgateway",
            "upstream",
            "modelloading",
            "apierror",
            "tryagain",
            "temporar",
        ],
    ),
    (Kind::NotFound, &["notfound", "notexist", "doesnotexist", "nosuch", "unknowntask", "unknownvideo"]),
    (
        Kind::Invalid,
        &["invalid", "badrequest", "validation", "valueerror", "missing", "illegal", "unsupported", "malformed", "toolong"],
    ),
    (Kind::Auth, &["forbidden"]),
];

/// Parts of messages that say something in general.
const GENERAL_MESSAGES: Table = &[
    (
        Kind::Overload,
        &[
            "overload",
            "try again later",
            "try again in",
            "try later",
            "retry later",
            "temporarily",
            "at capacity",
            "server busy",
            "is busy",
            "server error",
            "internal error",
            "service unavailable",
            "currently unavailable",
            "bad gateway",
            "gateway time",
            "timed out",
            "timeout",
            "upstream",
            "稍后",
            "繁忙",
        ],
    ),
    (Kind::NotFound, &["not found", "does not exist", "no such", "not exist"]),
    (Kind::Invalid, &["invalid", "must be", "is required", "not supported", "unsupported", "malformed"]),
];

/// Sorts an error: an answer of this status, or `None` where a proper answer carries it.
pub(super) fn sort(status: Option<u16>, reason: &Reason) -> Kind {
    let codes: Vec<String> = reason.codes.iter().map(|code| json::word(code)).collect();
    let message = reason.message.as_deref().unwrap_or_default().to_lowercase();
    let numbers = reason.codes.iter().filter_map(|code| code.trim().parse().ok());
    of_codes(DEFINITE_CODES, &codes)
        .or_else(|| of_text(DEFINITE_MESSAGES, &message))
        .or_else(|| status.and_then(of_status))
        .or_else(|| numbers.filter_map(of_status).next())
        .or_else(|| of_codes(GENERAL_CODES, &codes))
        .or_else(|| of_text(GENERAL_MESSAGES, &message))
        .unwrap_or(if status.is_some_and(|status| (400..500).contains(&status)) { Kind::Invalid } else { Kind::Other })
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(status: u16, codes: &[&str], message: &str) -> Kind {
        let codes = codes.iter().map(ToString::to_string).collect();
        let message = Some(message.to_owned()).filter(|message| !message.is_empty());
        sort(Some(status).filter(|status| *status != 200), &Reason { codes, message })
    }

    #[test]
    fn what_is_said_counts_more_than_the_status() {
        let cases: &[(u16, &[&str], &str, Kind)] = &[
            (
                429,
                &["insufficient_quota", "insufficient_quota"],
                "You exceeded your current quota, check your plan.",
                Kind::Quota,
            ),
            (429, &[], "You exceeded your current quota, please check your plan and billing details.", Kind::Quota),
            (
                429,
                &["rate_limit_exceeded", "requests"],
                "Rate limit reached. To go on, visit your billing page.",
                Kind::RateLimit,
            ),
            (429, &["QuotaExceeded"], "", Kind::Quota),
            (429, &["Throttling.AllocationQuota"], "", Kind::RateLimit),
            (429, &["ServerOverloaded"], "", Kind::RateLimit),
            (429, &[], "", Kind::RateLimit),
            (403, &["AccountOverdueError"], "", Kind::Quota),
            (403, &["content_policy_violation"], "Not this.", Kind::Moderation),
            (403, &[], "", Kind::Auth),
            (403, &["RequestLimitExceeded.JobNumExceed"], "", Kind::RateLimit),
            (402, &[], "", Kind::Quota),
            (401, &["account_deactivated"], "", Kind::Auth),
            (401, &[], "", Kind::Auth),
            (400, &["billing_hard_limit_reached", "invalid_request_error"], "", Kind::Quota),
            (400, &["invalid_api_key", "invalid_request_error"], "", Kind::Auth),
            (400, &["moderation_blocked", "image_generation_user_error"], "Your request was rejected.", Kind::Moderation),
            (400, &["InputTextSensitiveContentDetected"], "", Kind::Moderation),
            (400, &["DataInspectionFailed"], "", Kind::Moderation),
            (400, &[], "Your request was rejected by our safety system.", Kind::Moderation),
            (400, &["invalid_request_error"], "size must be 1280x720", Kind::Invalid),
            (400, &["IllegalArgument"], "", Kind::Invalid),
            (400, &["rate_limit_exceeded"], "", Kind::RateLimit),
            (400, &["task_not_exist"], "", Kind::NotFound),
            (400, &[], "", Kind::Invalid),
            (404, &[], "", Kind::NotFound),
            (404, &["model_not_found"], "", Kind::Auth),
            (422, &["value_error"], "bad size", Kind::Invalid),
            (500, &[], "The prompt may violate our community guidelines", Kind::Moderation),
            (500, &["upstream_error"], "rejected by the safety system", Kind::Moderation),
            (500, &["insufficient_user_quota"], "", Kind::Quota),
            (500, &["server_error"], "", Kind::Overload),
            (503, &["rate_limit_exceeded"], "", Kind::RateLimit),
            (503, &[], "", Kind::Overload),
            (200, &["429"], "", Kind::RateLimit),
            (200, &["1001", "overloaded_error"], "", Kind::Overload),
            (200, &[], "The server is overloaded, please try again later", Kind::Overload),
            (200, &["RESOURCE_EXHAUSTED"], "Quota exceeded for requests per minute", Kind::RateLimit),
            (200, &["video_not_found"], "", Kind::NotFound),
            (200, &[], "NSFW content detected", Kind::Moderation),
            (200, &[], "it broke", Kind::Other),
            (200, &[], "", Kind::Other),
        ];
        for (status, codes, message, expected) in cases {
            assert_eq!(sorted(*status, codes, message), *expected, "{status} {codes:?} {message:?}");
        }
    }

    #[test]
    fn every_entry_can_be_found() {
        for (kind, parts) in DEFINITE_CODES.iter().chain(GENERAL_CODES) {
            for part in *parts {
                assert_eq!(json::word(part), **part, "it would never be found");
            }
            assert!(!parts.is_empty(), "{kind:?}");
        }
        for (_, parts) in DEFINITE_MESSAGES.iter().chain(GENERAL_MESSAGES) {
            assert!(parts.iter().all(|part| part.to_lowercase() == **part), "it would never be found");
        }
    }

    #[test]
    fn a_proper_answer_may_refuse() {
        let of = |status, body: &str| Refusal::of(status, &Content::read(body.as_bytes(), None)).map(|refusal| refusal.kind);
        assert_eq!(of(200, r#"{"error":{"code":"rate_limit_exceeded","message":"slower"}}"#), Some(Kind::RateLimit));
        assert_eq!(of(200, r#"{"code":503,"message":"busy","data":null}"#), Some(Kind::Overload));
        assert_eq!(of(200, r#"{"status":"error","message":"too many requests"}"#), Some(Kind::RateLimit));
        assert_eq!(of(404, ""), Some(Kind::NotFound));
        for fine in [
            r#"{"id":"v","status":"failed","error":{"message":"too many requests"}}"#,
            r#"{"status":"failed","error":{"message":"too many requests"}}"#,
            r#"{"id":"v","object":"video.deleted","deleted":true}"#,
            r#"{"code":0,"message":"success","data":{"id":"v","status":"queued"}}"#,
            r#"{"object":"list","data":[],"has_more":false}"#,
            "{}",
            "",
            "<html>",
        ] {
            assert_eq!(of(200, fine), None, "{fine}");
        }
    }

    proptest! {
        #[test]
        fn case_and_hyphens_do_not_matter(status in 200_u16..600, entry in 0_usize..20, upper: bool, separator in "[-_. ]") {
            let codes: Vec<&str> = DEFINITE_CODES.iter().flat_map(|(_, parts)| parts.iter().copied()).collect();
            let code = codes[entry * codes.len() / 20];
            let (first, second) = code.split_at(code.len() / 2);
            let spaced = format!("{first}{separator}{second}");
            let spaced = if upper { spaced.to_uppercase() } else { spaced };
            prop_assert_eq!(sorted(status, &[&spaced], ""), sorted(status, &[code], ""));
        }

        #[test]
        fn a_definite_code_counts_whatever_else_is_said(status in 200_u16..600, message in ".{0,40}", other in "[a-z_]{0,8}") {
            prop_assert_eq!(sorted(status, &[&other, "content_policy_violation"], &message), Kind::Moderation);
        }

        #[test]
        fn without_words_the_status_counts(status in 400_u16..600) {
            let kind = sorted(status, &[], "");
            prop_assert_eq!(kind.is_passing(), matches!(status, 408 | 425 | 429 | 500..));
            prop_assert_eq!(kind.concerns_operator(), matches!(status, 401 | 402 | 403 | 407));
        }
    }
}
