//! What comes of a provider's no, by what it says.

use super::*;
use crate::provider::http::Operation;

fn error(code: &str, message: &str) -> String {
    serde_json::json!({ "error": { "code": code, "message": message } }).to_string()
}

fn failure(outcome: Outcome) -> crate::job::Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_moderator_ends_a_job_and_says_why() {
    let (address, _requests) = server(vec![
        json(400, &error("moderation_blocked", "not this")),
        json(403, &error("content_policy_violation", "not this")),
        json(500, &error("content_policy_violation", "this may violate our community guidelines")),
        json(200, &error("moderation_blocked", "not this")),
        json(200, r#"{"id":"video_1","status":"in_progress","error":{"code":"moderation_blocked","message":"not this"}}"#),
    ]);
    let provider = plain(&address);
    for _ in 0..5 {
        let failure = failure(provider.poll(&id()).await);
        assert_eq!((failure.code, failure.retryable), (FailureCode::GenerationFailed, false));
        assert!(failure.message.contains("this"), "{}", failure.message);
        assert!(failure.may_run, "nobody said that it has stopped");
    }
}

#[tokio::test]
async fn what_passes_or_concerns_the_operator_ends_no_job() {
    let answers = [
        (200, error("rate_limit_exceeded", "slower")),
        (200, error("server_overloaded", "try again later")),
        (200, r#"{"code":429,"message":"slow down","data":null}"#.into()),
        (200, error("invalid_api_key", "sk-1 is wrong")),
        (200, error("insufficient_quota", "no money")),
        (429, error("insufficient_quota", "no money")),
        (402, String::new()),
        (401, error("account_deactivated", "gone")),
        (404, error("model_not_found", "no such model")),
        (400, error("invalid_request_error", "bad header")),
        (503, error("server_overloaded", "busy")),
        (500, error("server_error", "no answer to 'what is sensitive content?'")),
        (429, error("slower", "see our usage policy")),
        (401, error("", "flagged for unusual traffic")),
        (200, r#"{"code":10000,"message":"success","data":null}"#.into()),
        (200, r#"{"code":102,"message":"still generating"}"#.into()),
        (200, r#"{"success":false,"message":"video not ready"}"#.into()),
        (200, r#"{"status":"failed","code":429,"message":"too many requests"}"#.into()),
        (200, r#"{"status":"success","data":null}"#.into()),
    ];
    let (address, _requests) = server(answers.iter().map(|(status, body)| json(*status, body)).collect());
    let provider = plain(&address);
    for (status, body) in answers {
        assert_eq!(provider.poll(&id()).await, Outcome::again(), "{status} {body}");
    }
}

#[tokio::test]
async fn a_video_that_is_not_known_is_missing_whatever_the_status() {
    let (address, _requests) = server(vec![
        json(404, ""),
        json(410, ""),
        json(400, &error("task_not_exist", "no such task")),
        json(200, &error("video_not_found", "no such video")),
    ]);
    let provider = plain(&address);
    for _ in 0..4 {
        assert_eq!(provider.poll(&id()).await, Outcome::Missing);
    }
}

#[tokio::test]
async fn a_job_that_failed_for_want_of_the_providers_money_is_no_reason_for_the_user() {
    let body = r#"{"id":"video_1","status":"failed","error":{"code":"insufficient_quota","message":"see your plan"}}"#;
    let (address, _requests) = server(vec![json(200, body)]);
    let failure = failure(plain(&address).poll(&id()).await);
    assert_eq!((failure.code, failure.may_run), (FailureCode::ProviderAccount, false));
    assert!(!failure.message.contains("plan"), "{}", failure.message);
}

#[tokio::test]
async fn a_deletion_counts_when_it_is_not_denied() {
    let (address, _requests) = server(vec![
        json(200, r#"{"id":"video_1","deleted":true}"#),
        json(200, r#"{"id":"video_1","status":"cancelled","error":{"code":null,"message":""}}"#),
        json(400, &error("video_not_found", "no such video")),
        json(200, r#"{"id":"video_1","deleted":false}"#),
        json(200, &error("rate_limit_exceeded", "slower")),
        json(400, &error("invalid_request_error", "it is running")),
    ]);
    let provider = plain(&address);
    for expected in [Outcome::Removed, Outcome::Removed, Outcome::Removed, Outcome::again(), Outcome::again(), Outcome::again()] {
        assert_eq!(provider.remove(&id()).await, expected);
    }
}

#[tokio::test]
async fn every_call_tells_that_the_account_is_refused() {
    let (address, _requests) = server(vec![json(401, ""), json(401, ""), json(402, ""), json(401, ""), json(403, "")]);
    let provider = provider(&address, serde_json::json!({ "lookup": "list" }));
    provider.poll(&id()).await;
    provider.find(TASK).await;
    assert!(matches!(provider.video(&id()).await, Err(NoMedia::Later { .. })));
    provider.remove(&id()).await;
    submit(&provider, &order()).await;
    for operation in [Operation::Retrieve, Operation::List, Operation::Content, Operation::Delete, Operation::Submit] {
        assert!(!provider.http.alerts().is_first_refusal(operation), "{operation} has told nothing");
    }
}
