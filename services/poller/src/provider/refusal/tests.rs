use proptest::prelude::*;

use super::{
    words::{ACCOUNT, MODERATION, RATE_LIMIT_PHRASES, RATE_LIMIT_WORDS},
    *,
};

fn sorted(status: u16, codes: &[&str], message: &str) -> Kind {
    let codes = codes.iter().map(ToString::to_string).collect();
    let message = Some(message.to_owned()).filter(|message| !message.is_empty());
    sort(Some(status).filter(|status| *status != 200), &Reason { codes, message })
}

#[test]
fn what_is_said_counts_more_than_the_status() {
    let cases: &[(u16, &[&str], &str, Kind)] = &[
        (429, &["insufficient_quota", "insufficient_quota"], "You exceeded your current quota, check your plan.", Kind::Quota),
        (429, &[], "You exceeded your current quota, please check your plan and billing details.", Kind::Quota),
        (429, &["rate_limit_exceeded", "requests"], "Rate limit reached. To go on, visit your billing page.", Kind::RateLimit),
        (429, &["QuotaExceeded"], "", Kind::Quota),
        (429, &["Throttling.AllocationQuota"], "", Kind::RateLimit),
        (429, &["ServerOverloaded"], "", Kind::RateLimit),
        (429, &[], "", Kind::RateLimit),
        (403, &["AccountOverdueError"], "", Kind::Quota),
        (403, &["content_policy_violation"], "Not this.", Kind::Moderation),
        (403, &[], "", Kind::Auth),
        (400, &["load_balancer_error"], "", Kind::Invalid),
        (400, &["too_many_images"], "too many images, at most 3", Kind::Invalid),
        (400, &[], "fps must be at most 60 frames per second", Kind::Invalid),
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
        (500, &[], "The prompt may violate our community guidelines", Kind::Overload),
        (500, &["upstream_error"], "rejected by the safety system", Kind::Overload),
        (500, &["content_policy_violation"], "", Kind::Moderation),
        (500, &["internal_error"], "no answer to 'an nsfw api key for billing concurrency'", Kind::Overload),
        (503, &[], "too many requests", Kind::RateLimit),
        (429, &[], "Slow down, see our usage policy", Kind::RateLimit),
        (429, &["fair_use_policy_limit"], "", Kind::RateLimit),
        (429, &["moderation_blocked"], "", Kind::Moderation),
        (429, &["content_policy_check", "rate_limit_exceeded"], "", Kind::RateLimit),
        (401, &[], "flagged for unusual traffic, see our usage policies", Kind::Auth),
        (402, &[], "violates our terms", Kind::Quota),
        (407, &[], "moderation", Kind::Auth),
        (408, &[], "waited for moderation", Kind::Overload),
        (403, &[], "flagged for unusual traffic", Kind::Auth),
        (400, &["policy_not_found"], "", Kind::NotFound),
        (400, &[], "bad size for 'a throttle, concurrently pulled'", Kind::Invalid),
        (422, &[], "bad size for 'slow down in traffic'", Kind::Invalid),
        (400, &[], "Too many requests", Kind::RateLimit),
        (422, &[], "rate limit reached", Kind::RateLimit),
        (403, &[], "at most 3 concurrent jobs", Kind::RateLimit),
        (200, &["429"], "see our usage policy", Kind::RateLimit),
        (200, &["500"], "no answer to 'an nsfw film'", Kind::Overload),
        (200, &["400"], "bad size", Kind::Invalid),
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
    for (_, parts) in [MODERATION, RATE_LIMIT_PHRASES, RATE_LIMIT_WORDS, ACCOUNT, GENERAL_MESSAGES].into_iter().flatten() {
        assert!(parts.iter().all(|part| part.to_lowercase() == **part), "it would never be found");
    }
}

#[test]
fn a_proper_answer_may_refuse() {
    let of = |status, body: &str| Refusal::of(status, &Content::read(body.as_bytes(), None)).map(|refusal| refusal.kind);
    assert_eq!(of(200, r#"{"error":{"code":"rate_limit_exceeded","message":"slower"}}"#), Some(Kind::RateLimit));
    assert_eq!(of(200, r#"{"code":503,"message":"busy","data":null}"#), Some(Kind::Overload));
    assert_eq!(of(200, r#"{"status":"error","message":"too many requests"}"#), Some(Kind::RateLimit));
    assert_eq!(of(200, r#"{"status":"failed","code":429,"message":"too many requests"}"#), Some(Kind::RateLimit));
    assert_eq!(of(200, r#"{"status":"failed","error":{"message":"too many requests"}}"#), Some(Kind::RateLimit));
    assert_eq!(of(200, r#"{"status":"failed","error":{"code":"insufficient_quota"}}"#), Some(Kind::Quota));
    assert_eq!(of(404, ""), Some(Kind::NotFound));
    for fine in [
        r#"{"id":"v","status":"failed","error":{"message":"too many requests"}}"#,
        r#"{"data":{"status":"failed","error":{"message":"too many requests"}}}"#,
        r#"{"status":"failed","error":{"message":"no way"}}"#,
        r#"{"status":"failed"}"#,
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
