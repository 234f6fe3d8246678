use super::*;
use crate::{
    faults::{Call, Fault, Refusal, Times},
    wording::{NoError, Style},
};

fn parse(text: &str) -> Directives {
    Directives::parse(text).unwrap()
}

fn refusal(text: &str) -> String {
    Directives::parse(text).unwrap_err().to_string()
}

#[test]
fn a_plain_prompt_has_none() {
    for prompt in ["", "A fox [in the snow]", "simulate [sim] sim:duration=3", "日本語"] {
        assert_eq!(parse(prompt), Directives::default());
        assert_eq!(without_directives(prompt), prompt);
    }
}

#[test]
fn times_and_outcomes() {
    let directives = parse("A fox [sim:duration=3][sim:queue=0.5] in [sim:slow=2] snow");
    assert_eq!(directives.duration, Some(Duration::from_secs(3)));
    assert_eq!(directives.queue, Some(Duration::from_millis(500)));
    assert_eq!(directives.slow, Duration::from_secs(2));
    assert_eq!(directives.outcome, Outcome::Succeed);
    assert_eq!(parse("[sim:stuck]").outcome, Outcome::Stuck);
    let failure = |code: &str| Outcome::Fail(Failure { code: code.to_owned(), message: "content policy".to_owned() });
    assert_eq!(parse("[sim:fail=content policy]").outcome, failure("generation_failed"));
    assert_eq!(parse("[sim:fail=content policy code=moderation_blocked]").outcome, failure("moderation_blocked"));
}

#[test]
fn links() {
    let link = |life, times| Some(LinkRule { life: Duration::from_secs(life), times });
    assert_eq!(parse("[sim:link=2]").link, link(2, Times::Always));
    assert_eq!(parse("[sim:link=0 times=1]").link, link(0, Times::Exactly(1)));
}

#[test]
fn faults() {
    let status = |status, retry_after| Fault::Status { status, retry_after };
    let cases = [
        ("[sim:submit=429 retry_after=2]", Call::Submit, status(429, Some(2)), Times::Exactly(1)),
        ("[sim:submit=500 times=always]", Call::Submit, status(500, None), Times::Always),
        ("[sim:submit=cut-before]", Call::Submit, Fault::CutBefore, Times::Exactly(1)),
        ("[sim:submit=cut-after]", Call::Submit, Fault::CutAfter, Times::Exactly(1)),
        ("[sim:submit=malformed]", Call::Submit, Fault::Malformed, Times::Exactly(1)),
        ("[sim:poll=500 times=3]", Call::Poll, status(500, None), Times::Exactly(3)),
        ("[sim:poll=malformed times=2]", Call::Poll, Fault::Malformed, Times::Exactly(2)),
        ("[sim:poll=429 retry_after=1 times=2]", Call::Poll, status(429, Some(1)), Times::Exactly(2)),
        ("[sim:poll=cut]", Call::Poll, Fault::CutBefore, Times::Exactly(1)),
        ("[sim:poll=unknown times=2]", Call::Poll, Fault::UnknownStatus, Times::Exactly(2)),
        ("[sim:content=garbage times=always]", Call::Content, Fault::Garbage, Times::Always),
        ("[sim:content=500 times=2]", Call::Content, status(500, None), Times::Exactly(2)),
        ("[sim:content=cut times=1]", Call::Content, Fault::CutHalfway, Times::Exactly(1)),
        ("[sim:delete=503]", Call::Delete, status(503, None), Times::Exactly(1)),
    ];
    for (text, call, fault, times) in cases {
        assert_eq!(parse(text).faults, [FaultRule { call, fault, times }], "{text}");
    }
    assert_eq!(parse("[sim:poll=500][sim:poll=malformed]").faults.len(), 2);
}

#[test]
fn refusals_and_wordings() {
    let refusal = |status, refusal| Fault::Refusal { status, refusal };
    let rule = |text: &str| parse(text).faults;
    let once = |call, fault| [FaultRule { call, fault, times: Times::Exactly(1) }];
    assert_eq!(rule("[sim:submit=429 code=insufficient_quota]"), once(Call::Submit, refusal(429, Refusal::InsufficientQuota)));
    assert_eq!(rule("[sim:poll=200 code=server_overloaded]"), once(Call::Poll, refusal(200, Refusal::Overload)));
    let wording = parse("[sim:style=bom][sim:style=data][sim:word=FAILURE][sim:no_error=nulls]").wording;
    assert_eq!(wording.styles, [Style::Bom, Style::Data]);
    assert_eq!((wording.word.as_deref(), wording.no_error), (Some("FAILURE"), Some(NoError::Nulls)));
}

#[test]
fn who_signs_in_and_what_is_wrong_with_the_proof() {
    let code = "ann@example.com 1 [sim:name=Ann Lee][sim:subject=7][sim:unverified][sim:id_token=wrong-audience]";
    let expected = SignIn {
        subject: Some("7".to_owned()),
        name: Some("Ann Lee".to_owned()),
        unverified: true,
        id_token: Some(IdTokenFault::WrongAudience),
        ..SignIn::default()
    };
    assert_eq!(parse(code).sign_in, expected);
    assert_eq!(without_directives(code), "ann@example.com 1");
    let page = "http://127.0.0.1:1/auth/callback?a=b";
    assert_eq!(parse(&format!("[sim:redirect_uri={page}]")).sign_in.redirect_uri.as_deref(), Some(page));
    assert_eq!(parse("[sim:errcode=-1]").sign_in.errcode, Some(-1));
    let rule = |call, fault| vec![FaultRule { call, fault, times: Times::Exactly(1) }];
    assert_eq!(parse("[sim:wechat=cut]").faults, rule(Call::WeChatSession, Fault::CutBefore));
    assert_eq!(parse("[sim:google_token=garbage]").faults, rule(Call::GoogleToken, Fault::Garbage));
}

#[test]
fn what_is_not_understood_is_refused_by_name() {
    let cases = [
        ("[sim:duration=3", "has no closing bracket"),
        ("[sim:]", "unknown name"),
        ("[sim:explode]", "unknown name"),
        ("[sim:duration]", "needs seconds"),
        ("[sim:duration=-1]", "needs seconds"),
        ("[sim:duration=NaN]", "needs seconds"),
        ("[sim:duration=1e9]", "needs seconds"),
        ("[sim:stuck=yes]", "takes no value"),
        ("[sim:fail]", "needs a reason"),
        ("[sim:submit=cut]", "does not have"),
        ("[sim:content=malformed]", "does not have"),
        ("[sim:poll=garbage]", "does not have"),
        ("[sim:link]", "needs seconds"),
        ("[sim:link=1 retry_after=1]", "does not take the option retry_after"),
        ("[sim:submit=200]", "400 to 599"),
        ("[sim:submit=429 code=no_fun]", "names a code"),
        ("[sim:submit=201 code=insufficient_quota]", "400 to 599"),
        ("[sim:content=429 code=insufficient_quota]", "does not take the option code"),
        ("[sim:style=gothic]", "names a style"),
        ("[sim:no_error=yes]", "names a value"),
        ("[sim:word]", "needs a value"),
        ("[sim:submit=500 times=few]", "times"),
        ("[sim:submit=429 retry_after=soon]", "retry_after"),
        ("[sim:submit=cut-after retry_after=1]", "does not take the option retry_after"),
        ("[sim:poll=500 times=1 times=2]", "twice"),
        ("[sim:stuck code=x]", "does not take the option code"),
        ("[sim:subject]", "needs a value"),
        ("[sim:unverified=yes]", "takes no value"),
        ("[sim:errcode=busy]", "needs a number"),
        ("[sim:id_token=odd]", "does not have"),
        ("[sim:google_keys=unknown]", "does not have"),
    ];
    for (text, part) in cases {
        assert!(refusal(text).contains(part), "{text}: {}", refusal(text));
    }
}

#[test]
fn the_shown_text_has_no_directives() {
    assert_eq!(without_directives("A fox [sim:duration=3]in snow [sim:stuck]"), "A fox in snow");
    assert_eq!(without_directives("A fox [sim:"), "A fox [sim:");
}
