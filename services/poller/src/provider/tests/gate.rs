//! What the gate of an account learns from its calls.

use super::*;
use crate::gate::Leave;

#[tokio::test]
async fn a_refusal_closes_the_gate() {
    for (status, headers, at_least) in [(429, "retry-after: 7\r\n", 6.9), (503, "retry-after: 3\r\n", 2.9), (429, "", 0.4)] {
        let (address, _requests) = server(vec![Play::Answer(status, headers, Vec::new())]);
        let provider = plain(&address);
        assert_eq!(provider.gate().take(5).await, Leave::Granted(5));
        provider.poll(&id()).await;
        let leave = provider.gate().take(5).await;
        assert!(matches!(leave, Leave::NotBefore(wait) if wait.as_secs_f64() > at_least), "{status}: {leave:?}");
    }
}

#[tokio::test]
async fn failures_of_several_jobs_stop_all_and_of_one_job_none() {
    let sick: &[fn(u32) -> String] = &[|number| format!("video_{number}"), |_| "video_1".to_owned()];
    for (name, stops) in sick.iter().zip([true, false]) {
        let (address, _requests) = server(vec![json(500, ""), Play::Cut, json(502, "")]);
        let provider = provider(&address, serde_json::json!({ "breaker_min_calls": 3 }));
        for number in 0..3 {
            assert_eq!(provider.gate().take(1).await, Leave::Granted(1));
            provider.poll(&name(number).parse().unwrap()).await;
        }
        assert_eq!(matches!(provider.gate().take(1).await, Leave::NotBefore(_)), stops, "{}", name(0));
    }
}

#[tokio::test]
async fn a_complaint_in_a_proper_answer_counts_as_what_it_is() {
    let (address, _requests) = server(vec![json(200, r#"{"error":{"code":"rate_limit_exceeded","message":"slower"}}"#)]);
    let refused = plain(&address);
    refused.poll(&id()).await;
    assert!(matches!(refused.gate().take(1).await, Leave::NotBefore(_)), "it wants fewer calls");

    let overloaded = || json(200, r#"{"error":{"message":"the server is overloaded"}}"#);
    let (address, _requests) = server(vec![overloaded(), overloaded(), overloaded()]);
    let sick = provider(&address, serde_json::json!({ "breaker_min_calls": 3 }));
    for number in 0..3 {
        assert_eq!(sick.gate().take(1).await, Leave::Granted(1));
        sick.poll(&format!("video_{number}").parse().unwrap()).await;
    }
    assert!(matches!(sick.gate().take(1).await, Leave::NotBefore(_)), "it is not well");

    let (address, _requests) = server(vec![json(429, r#"{"error":{"code":"insufficient_quota","message":"no money"}}"#)]);
    let poor = plain(&address);
    poor.poll(&id()).await;
    assert_eq!(poor.gate().take(1).await, Leave::Granted(1), "waiting brings no money");
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_left_alone() {
    let provider = provider("http://127.0.0.1:1", serde_json::json!({ "breaker_min_calls": 3 }));
    for _ in 0..3 {
        assert_eq!(provider.gate().take(1).await, Leave::Granted(1));
        submit(&provider, &order()).await;
    }
    assert!(matches!(provider.gate().take(1).await, Leave::NotBefore(_)));
}

#[tokio::test]
async fn how_others_answer_says_nothing_of_the_provider() {
    let (elsewhere, _files) = server(vec![Play::Answer(429, "retry-after: 7\r\n", Vec::new()), json(500, ""), Play::Cut]);
    let location: &'static str = format!("location: {elsewhere}\r\n").leak();
    let named = format!(r#"{{"id":"video_1","status":"completed","video_url":"{elsewhere}/v.mp4"}}"#);
    let (address, _requests) = server(vec![
        Play::Answer(302, location, Vec::new()),
        Play::Answer(302, location, Vec::new()),
        json(404, ""),
        json(200, &named),
    ]);
    let provider = provider(&address, serde_json::json!({ "breaker_min_calls": 1 }));
    for _ in 0..3 {
        assert!(matches!(provider.video(&id()).await, Err(NoMedia::Later { .. })));
        assert_eq!(provider.gate().take(5).await, Leave::Granted(5));
    }
}

#[test]
fn what_an_account_bears_can_be_set() {
    let settings = |extra: serde_json::Value| -> Result<ProviderSettings, _> {
        let mut settings = serde_json::json!({ "base_url": "http://example.com" });
        settings.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        serde_json::from_value(settings)
    };
    let limits = settings(serde_json::json!({})).unwrap().limits();
    assert_eq!((limits.requests_per_second, limits.breaker.min_calls, limits.breaker.open_for.as_secs()), (None, 10, 5));
    let set = serde_json::json!({ "requests_per_second": 0.5, "breaker_failure_ratio": 1, "max_concurrent_jobs": 7 });
    let limits = settings(set).unwrap().limits();
    assert_eq!((limits.requests_per_second, limits.breaker.failure_ratio.to_bits()), (Some(0.5), 1.0_f64.to_bits()));
    for wrong in [
        serde_json::json!({ "requests_per_second": 0 }),
        serde_json::json!({ "requests_per_second": -1 }),
        serde_json::json!({ "max_concurrent_jobs": 0 }),
        serde_json::json!({ "breaker_min_calls": 0 }),
        serde_json::json!({ "breaker_failure_ratio": 0 }),
        serde_json::json!({ "breaker_failure_ratio": 1.5 }),
        serde_json::json!({ "breaker_open_seconds": 0 }),
    ] {
        assert!(settings(wrong.clone()).is_err(), "{wrong}");
    }
}
