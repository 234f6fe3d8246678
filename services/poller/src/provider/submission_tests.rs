use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn answer(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Answer {
    let content = Content::read(body, None);
    Answer { status, retry_after, refusal: Refusal::of(status, &content), content }
}

fn judged(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Outcome {
    judge(&answer(status, retry_after, body))
}

/// The outcome in short.
fn word(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed(failure) => failure.code.as_str(),
        other => other.as_str(),
    }
}

#[test]
fn every_answer_has_its_meaning() {
    let wait = Some(Duration::from_secs(5));
    let cases: &[(u16, Option<Duration>, &str, &str)] = &[
        (200, None, r#"{"id":"video_1","object":"video","status":"queued"}"#, "accepted"),
        (201, None, r#"{"id":"video_1","status":"failed","error":{"message":"no"}}"#, "accepted"),
        (202, None, r#""video_1""#, "accepted"),
        (200, None, "video_1\n", "accepted"),
        (200, None, "123456", "accepted"),
        (200, None, "12345", "ambiguous"),
        (200, None, "404", "ambiguous"),
        (200, None, "maintenance", "ambiguous"),
        (200, None, r#""busy""#, "ambiguous"),
        (200, None, r#"{"code":7,"message":"well taken"}"#, "ambiguous"),
        (200, None, r#"{"code":10000,"message":"success","data":null}"#, "ambiguous"),
        (200, None, r#"{"status":"queued","code":7}"#, "ambiguous"),
        (200, None, r#"{"success":false,"message":"no"}"#, "SUBMISSION_REFUSED"),
        (200, None, r#"{"code":400,"message":"bad size"}"#, "SUBMISSION_REFUSED"),
        (200, None, r#"{"status":"failed"}"#, "SUBMISSION_REFUSED"),
        (200, None, r#"{"error":{"message":"no"}}"#, "SUBMISSION_REFUSED"),
        (200, None, r#"{"status":"failed","error":{"message":"no"}}"#, "SUBMISSION_REFUSED"),
        (200, None, r#"{"id":"vid"#, "ambiguous"),
        (200, None, r#"{"id":"../../etc"}"#, "accepted"),
        (200, None, r#"{"id":".."}"#, "ambiguous"),
        (200, None, r#"{"id":""}"#, "ambiguous"),
        (200, None, r#"{"id":"","error":{"code":null,"message":null}}"#, "ambiguous"),
        (200, None, r#"{"code":0,"message":"success","data":null}"#, "ambiguous"),
        (200, None, "{}", "ambiguous"),
        (200, None, "[]", "ambiguous"),
        (200, None, "", "ambiguous"),
        (200, None, "OK", "ambiguous"),
        (200, None, r#""success""#, "ambiguous"),
        (200, None, "error", "ambiguous"),
        (200, None, "<html>welcome</html>", "ambiguous"),
        (204, None, "", "ambiguous"),
        (307, None, "", "SUBMISSION_REFUSED"),
        (400, None, r#"{"error":{"message":"bad"}}"#, "SUBMISSION_REFUSED"),
        (401, None, r#"{"error":{"message":"Incorrect API key: sk-1"}}"#, "PROVIDER_ACCOUNT"),
        (402, None, "", "PROVIDER_ACCOUNT"),
        (403, None, "", "PROVIDER_ACCOUNT"),
        (404, None, "", "SUBMISSION_REFUSED"),
        (408, None, "", "ambiguous"),
        (409, None, "", "ambiguous"),
        (413, None, "", "SUBMISSION_REFUSED"),
        (422, None, "", "SUBMISSION_REFUSED"),
        (425, None, "", "again"),
        (429, None, "", "again"),
        (429, wait, "", "again"),
        (500, None, "", "ambiguous"),
        (500, wait, "", "ambiguous"),
        (502, None, "", "ambiguous"),
        (503, None, "", "ambiguous"),
        (503, wait, "", "again"),
        (504, None, "", "ambiguous"),
        (599, None, "", "ambiguous"),
    ];
    for (status, retry_after, body, expected) in cases {
        let outcome = judged(*status, *retry_after, body.as_bytes());
        assert_eq!(word(&outcome), *expected, "{status} {body}");
    }
    assert_eq!(judged(429, wait, b""), Outcome::Again { retry_after: wait });
}

#[test]
fn what_is_said_counts_more_than_the_status() {
    let cases: &[(u16, &str, &str)] = &[
        (429, r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#, "PROVIDER_ACCOUNT"),
        (429, r#"{"error":{"code":"rate_limit_exceeded","message":"add a payment method to your billing"}}"#, "again"),
        (400, r#"{"error":{"code":"billing_hard_limit_reached","message":"x"}}"#, "PROVIDER_ACCOUNT"),
        (403, r#"{"error":{"code":"content_policy_violation","message":"not this"}}"#, "SUBMISSION_REFUSED"),
        (403, r#"{"error":{"message":"too many concurrent jobs"}}"#, "again"),
        (404, r#"{"error":{"code":"model_not_found"}}"#, "PROVIDER_ACCOUNT"),
        (500, r#"{"error":{"message":"violates our community guidelines"}}"#, "ambiguous"),
        (500, r#"{"error":{"message":"no api key for billing"}}"#, "ambiguous"),
        (500, r#"{"error":{"code":"content_policy_violation"}}"#, "SUBMISSION_REFUSED"),
        (429, r#"{"error":{"message":"slower, see our usage policy"}}"#, "again"),
        (400, r#"{"error":{"message":"bad size for 'a throttle'"}}"#, "SUBMISSION_REFUSED"),
        (200, r#"{"status":"failed","code":429,"message":"too many requests"}"#, "again"),
        (500, r#"{"error":{"code":"insufficient_user_quota"}}"#, "PROVIDER_ACCOUNT"),
        (500, r#"{"error":{"code":"rate_limit_exceeded"}}"#, "ambiguous"),
        (503, r#"{"error":{"message":"overloaded"}}"#, "ambiguous"),
        (409, r#"{"error":{"code":"rate_limit_exceeded"}}"#, "ambiguous"),
        (200, r#"{"error":{"code":"rate_limit_exceeded","message":"slower"}}"#, "again"),
        (200, r#"{"code":429,"message":"slower","data":null}"#, "again"),
        (200, r#"{"error":{"message":"server overloaded"}}"#, "ambiguous"),
        (200, r#"{"error":{"code":"insufficient_quota"}}"#, "PROVIDER_ACCOUNT"),
        (200, r#"{"id":"video_1","error":{"code":"rate_limit_exceeded"}}"#, "accepted"),
    ];
    for (status, body, expected) in cases {
        assert_eq!(word(&judged(*status, None, body.as_bytes())), *expected, "{status} {body}");
    }
}

#[test]
fn an_id_is_read_in_whatever_body() {
    let odd: [&[u8]; 9] = [
        b"\xef\xbb\xbf{\"id\":\"video_1\"}",
        br#"{"id":"video_1","prompt":"cut \ud83d"}"#,
        b"{\"id\":\"video_1\",\"prompt\":\"\xff\xfe\"}",
        b"{\"id\":\"video_1\",\"prompt\":\"a\nb\",\"score\":NaN}",
        br#"{"code":0,"message":"success","data":{"task_id":"video_1"}}"#,
        br#"{"result":[{"id":"video_1","status":"queued"}]}"#,
        br#"{"status":"success","response":{"video":{"id":"video_1"}}}"#,
        br#"{"code":200,"data":"video_1"}"#,
        b"\xef\xbb\xbfvideo_1",
    ];
    for body in odd {
        let id = "video_1".parse().unwrap();
        assert_eq!(judged(200, None, body), Outcome::Accepted(id), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn the_user_reads_the_providers_reason_but_nothing_of_our_account() {
    let message = |status, body: &str| match judged(status, None, body.as_bytes()) {
        Outcome::Failed(failure) => failure.message,
        other => panic!("{other:?}"),
    };
    assert_eq!(message(400, r#"{"error":{"message":"size not supported"}}"#), "size not supported");
    assert_eq!(message(403, r#"{"error":{"code":"moderation_blocked","message":"not this"}}"#), "not this");
    assert_eq!(message(422, "<html>"), "the provider refused the request");
    assert!(!message(401, r#"{"error":{"message":"Incorrect API key: sk-1"}}"#).contains("sk-1"));
    assert!(!message(429, r#"{"error":{"code":"insufficient_quota","message":"see your plan"}}"#).contains("plan"));
    assert!(
        !message(200, r#"{"status":"failed","error":{"code":"insufficient_quota","message":"see your plan"}}"#).contains("plan")
    );
}

proptest! {
    #[test]
    fn only_what_was_certainly_not_taken_is_repeated(
        status in 200_u16..600,
        wait in prop::option::of(0_u64..100),
        code in "[a-z_]{0,20}|rate_limit_exceeded|server_error|overloaded|timeout",
        message in ".{0,30}|too many requests|try again later|overloaded",
        id in prop::option::of("[a-z]{1,9}_1"),
    ) {
        let body = serde_json::json!({ "id": id, "error": { "code": code, "message": message } }).to_string();
        let outcome = judged(status, wait.map(Duration::from_secs), body.as_bytes());
        if matches!(outcome, Outcome::Again { .. }) {
            prop_assert!(status < 500 || (status == 503 && wait.is_some()), "a server may fail after it has taken the job");
            prop_assert!(!matches!(status, 408 | 409));
            prop_assert!(status >= 300 || id.is_none(), "it has an id");
        }
        if (200..300).contains(&status) && id.is_some() {
            prop_assert!(matches!(outcome, Outcome::Accepted(_)), "an id that is told is kept");
        }
    }
}
