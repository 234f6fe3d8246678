use super::*;

fn read(body: &str) -> Result<Report, Unreadable> {
    super::read(&Content::read(body.as_bytes(), None), "v")
}

fn generating(percent: u32) -> Report {
    Report::Generating(Progress::clamped(percent))
}

fn told(message: &str) -> Reason {
    Reason { codes: Vec::new(), message: Some(message.into()) }
}

#[test]
fn status_and_progress_are_read() {
    let cases = [
        (r#"{"id":"v","object":"video","status":"queued","progress":0,"error":null}"#, Report::Waiting),
        (r#"{"status":"pending"}"#, Report::Waiting),
        (r#"{"status":"in_progress","progress":33}"#, generating(33)),
        (r#"{"status":"PROCESSING","progress":"45%"}"#, generating(45)),
        (r#"{"status":"processing","progress":12.9}"#, generating(12)),
        (r#"{"status":"processing","progress":"12"}"#, generating(12)),
        (r#"{"Status":"processing","Progress":7}"#, generating(7)),
        (r#"{"progress":9,"data":{"id":"v","status":"processing"}}"#, generating(9)),
        (r#"{"status":"in_progress","progress":-5}"#, generating(0)),
        (r#"{"status":"in_progress","progress":1e300}"#, generating(100)),
        (r#"{"status":"in_progress","progress":{"percent":5}}"#, generating(0)),
        (r#"{"status":"in_progress","progress":"NaN"}"#, generating(0)),
        (r#"{"status":"in_progress","progress":NaN}"#, generating(0)),
        (r#"{"status":"completed"}"#, Report::Completed { url: None }),
        (r#"{"status":"completed","video_url":"/relative"}"#, Report::Completed { url: None }),
        (r#"{"status":"completed","video_url":"file:///etc/passwd"}"#, Report::Completed { url: None }),
        (r#"{"status":"queued","status":"completed"}"#, Report::Completed { url: None }),
    ];
    for (body, expected) in cases {
        assert_eq!(read(body), Ok(expected), "{body}");
    }
}

#[test]
fn addresses_of_results_are_found() {
    let address = "https://cdn.example/v.mp4?sig=1";
    for holder in [
        r#""video_url":"URL""#,
        r#""url":"URL""#,
        r#""videoUrl":"URL""#,
        r#""output":"URL""#,
        r#""output":{"url":"URL"}"#,
        r#""result":{"video":{"url":"URL"}}"#,
        r#""data":[{"url":"URL"}]"#,
        r#""content":{"video_url":"URL"}"#,
        r#""urls":["URL"]"#,
        r#""url":"","metadata":{"url":"URL"}"#,
    ] {
        let body = format!(r#"{{"id":"v","status":"completed",{}}}"#, holder.replace("URL", address));
        assert_eq!(read(&body), Ok(Report::Completed { url: Some(Url::parse(address).unwrap()) }), "{body}");
    }
    let outside = format!(r#"{{"url":"{address}","data":{{"id":"v","status":"done"}}}}"#);
    assert_eq!(read(&outside), Ok(Report::Completed { url: Some(Url::parse(address).unwrap()) }));
}

#[test]
fn an_error_is_believed_more_than_a_status() {
    for status in ["in_progress", "queued", "whatever"] {
        let body = format!(r#"{{"status":"{status}","error":{{"message":"no way"}}}}"#);
        assert_eq!(read(&body), Ok(Report::Broken(told("no way"))), "{status}");
    }
    for status in ["completed", "failed"] {
        let body = format!(r#"{{"status":"{status}","error":{{"message":"no way"}}}}"#);
        assert_eq!(read(&body), Ok(Report::Failed(told("no way"))), "{status}");
    }
}

#[test]
fn an_error_without_content_is_none() {
    for error in [
        r#"null"#,
        r#""""#,
        r#"false"#,
        r#"{}"#,
        r#"[]"#,
        r#""none""#,
        r#"{"code":null,"message":null}"#,
        r#"{"message":"","type":"","code":""}"#,
        r#"{"code":0,"message":"success"}"#,
    ] {
        let with = |status: &str| read(&format!(r#"{{"id":"v","status":"{status}","progress":40,"error":{error}}}"#));
        assert_eq!(with("in_progress"), Ok(generating(40)), "{error}");
        assert_eq!(with("queued"), Ok(Report::Waiting), "{error}");
        assert_eq!(with("completed"), Ok(Report::Completed { url: None }), "{error}");
        assert_eq!(with("failed"), Ok(Report::Failed(Reason::default())), "{error}");
        let bare = read(&format!(r#"{{"error":{error}}}"#));
        assert_eq!(bare, Err(Unreadable::NoStatus), "{error}");
    }
}

#[test]
fn trouble_that_passes_ends_nothing() {
    let body = r#"{"id":"v","status":"in_progress","progress":40,"error":{"message":"upstream is overloaded"}}"#;
    assert_eq!(read(body), Ok(generating(40)));
    let body =
        r#"{"id":"v","status":"in_progress","progress":40,"error":{"code":"insufficient_quota","message":"see your plan"}}"#;
    assert_eq!(read(body), Ok(generating(40)));
    let body = r#"{"id":"v","status":"failed","error":{"message":"upstream is overloaded"}}"#;
    assert_eq!(read(body), Ok(Report::Failed(told("upstream is overloaded"))));
}

#[test]
fn a_complaint_says_nothing_of_the_video() {
    for (body, message) in [
        (r#"{"error":{"message":"rate limit reached"}}"#, "rate limit reached"),
        (r#"{"error":"rate limit reached"}"#, "rate limit reached"),
        (r#"{"code":429,"message":"slow down","data":null}"#, "slow down"),
        (r#"{"status":"error","message":"slow down"}"#, "slow down"),
        (r#"{"success":false,"msg":"slow down"}"#, "slow down"),
        (r#"{"status":"failed","code":429,"message":"too many requests"}"#, "too many requests"),
        (r#"{"status":"failed","code":401,"message":"who are you","data":null}"#, "who are you"),
    ] {
        assert!(
            matches!(read(body), Ok(Report::Complaint(complaint)) if complaint.reason.message.as_deref() == Some(message)),
            "{body}"
        );
    }
}

#[test]
fn success_of_the_question_is_not_that_of_the_video() {
    for body in [
        r#"{"status":"success","data":{"progress":45}}"#,
        r#"{"status":"success","data":null}"#,
        r#"{"id":"req-9","status":"ok","data":{"progress":45}}"#,
        r#"{"code":10000,"message":"success","data":null}"#,
    ] {
        assert!(!matches!(read(body), Ok(Report::Completed { .. } | Report::Complaint(_))), "{body}");
    }
    assert_eq!(read(r#"{"status":"success","data":{"progress":45}}"#), Err(Unreadable::NoStatus));
    let address = Url::parse("https://cdn.example/v.mp4").unwrap();
    for (body, url) in [
        (r#"{"status":"success","data":{"url":"https://cdn.example/v.mp4"}}"#, Some(address)),
        (r#"{"id":"v","status":"success"}"#, None),
        (r#"{"code":0,"data":{"status":"success"}}"#, None),
        (r#"{"status":"completed"}"#, None),
    ] {
        assert_eq!(read(body), Ok(Report::Completed { url }), "{body}");
    }
}

#[test]
fn failure_needs_no_reason() {
    for word in
        ["failed", "cancelled", "canceled", "FAILURE", "rejected", "timeout", "timed_out", "expired", "task_status_failed"]
    {
        let body = format!(r#"{{"status":"{word}","error":null}}"#);
        assert_eq!(read(&body), Ok(Report::Failed(Reason::default())), "{word}");
        let body = format!(r#"{{"code":0,"message":"success","data":{{"id":"v","status":"{word}"}}}}"#);
        assert_eq!(read(&body), Ok(Report::Failed(Reason::default())), "{word}");
    }
}

#[test]
fn what_cannot_be_understood_says_so() {
    let dreaming = Report::Unknown { word: "dreaming".into(), progress: Progress::clamped(7) };
    assert_eq!(read(r#"{"status":"dreaming","progress":7}"#), Ok(dreaming));
    assert_eq!(read("<html>"), Err(Unreadable::NotJson));
    assert_eq!(read(r#"{"status":"comple"#), Err(Unreadable::NotJson));
    assert_eq!(read(""), Err(Unreadable::NotJson));
    assert_eq!(read("[]"), Err(Unreadable::NotAnObject));
    assert_eq!(read("{}"), Err(Unreadable::NoStatus));
    assert_eq!(read(r#"{"status":3}"#), Err(Unreadable::NoStatus));
}

#[test]
fn a_deletion_may_be_denied() {
    let kept = |body: &str| is_kept(&Content::read(body.as_bytes(), None));
    assert!(kept(r#"{"id":"v","deleted":false}"#) && kept(r#"{"data":{"id":"v","deleted":"false"}}"#));
    assert!(!kept(r#"{"id":"v","deleted":true}"#) && !kept("{}") && !kept("") && !kept(r#"{"id":"v","status":"cancelled"}"#));
}
