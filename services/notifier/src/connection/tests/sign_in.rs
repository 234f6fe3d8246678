use zoetrope_tokens::{Refusal, TokenError};

use super::*;

fn auth(token: &str) -> Value {
    json!({ "type": "auth", "id": "a", "payload": { "token": token } })
}

#[test]
fn a_good_token_signs_in() {
    let (mut story, greeting) = Story::open();
    assert_eq!(greeting, ["connected"]);
    assert_eq!(story.says(auth("good")), ["CHECK good"]);
    assert_eq!(story.takes(Input::Checked(Ok(caller(1, 900)))), ["authSuccess#a"]);
}

#[test]
fn frames_behind_an_auth_wait_for_it() {
    let (mut story, _) = Story::open();
    story.says(auth("good"));
    assert!(!story.connection.reads(story.now.instant));
    story.takes(Input::Checked(Ok(caller(1, 900))));
    assert_eq!(story.subscribes(1), ["FOLLOW 1", "LOOK 1"]);
}

#[test]
fn a_bad_token_ends_the_connection() {
    for (refusal, words) in [
        (TokenRefusal::Access(TokenError::Invalid.into()), "authFailed#a token is not valid"),
        (TokenRefusal::Access(TokenError::Expired.into()), "authFailed#a token has expired"),
        (TokenRefusal::Access(Refusal::SessionEnded), "authFailed#a this session has ended"),
    ] {
        let (mut story, _) = Story::open();
        story.says(auth("bad"));
        assert_eq!(story.takes(Input::Checked(Err(refusal))), [words, "CLOSE Unauthorized"]);
        assert_eq!(story.takes(Input::Text("{}")), Vec::<String>::new(), "a closed connection is silent");
    }
}

#[test]
fn the_form_of_the_auth_decides_the_dialect() {
    let (mut story, _) = Story::open();
    story.says(json!({ "type": "auth", "token": "bad" }));
    let refused = story.takes(Input::Checked(Err(TokenRefusal::Access(Refusal::SessionEnded))));
    assert_eq!(refused, ["error this session has ended", "CLOSE Unauthorized"]);

    let (mut story, _) = Story::open();
    assert_eq!(story.says(json!({ "type": "auth", "token": "good" })), ["CHECK good"]);
    assert_eq!(story.takes(Input::Checked(Ok(caller(1, 900)))), ["auth_success", "FOLLOW ALL", "LOOK ALL"]);
}

#[test]
fn nobody_asks_for_anything_before_signing_in() {
    let (mut story, _) = Story::open();
    for kind in ["subscribe_task", "unsubscribe_task", "requestTaskStatus"] {
        assert_eq!(story.asks(kind, 1), [format!("error#{kind}-1 UNAUTHORIZED")]);
    }
    assert_eq!(story.says(json!({ "type": "ping", "id": 7 })), ["pong#7"]);
}

#[test]
fn nonsense_is_answered_and_forgiven() {
    let mut story = Story::signed_in();
    assert_eq!(story.takes(Input::Text("{")), ["error VALIDATION_ERROR"]);
    assert_eq!(story.says(json!({ "type": "dance", "id": "d" })), ["error#d VALIDATION_ERROR"]);
    assert_eq!(story.takes(Input::Binary), ["error VALIDATION_ERROR"]);
    let unreadable = json!({ "type": "subscribe_task", "id": "s", "payload": { "videoId": "video_7" } });
    assert_eq!(story.says(unreadable), ["error#s NOT_FOUND"]);
    assert_eq!(story.says(json!({ "type": "ping" })), ["pong"]);
}

#[test]
fn silence_instead_of_an_auth_ends_the_connection() {
    let (mut story, _) = Story::open();
    assert_eq!(story.waits(9.9), Vec::<String>::new());
    assert_eq!(story.waits(0.2), ["authFailed no auth frame within 10 s", "CLOSE Unauthorized"]);
}

#[test]
fn pings_are_no_auth() {
    let (mut story, _) = Story::open();
    story.waits(5.0);
    story.says(json!({ "type": "ping" }));
    assert_eq!(story.waits(5.1), ["authFailed no auth frame within 10 s", "CLOSE Unauthorized"]);
}

#[test]
fn a_new_token_of_the_same_user_keeps_everything() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.finds(state(crate::fixtures::processing(1, 2, 10)));
    story.says(auth("next"));
    assert_eq!(story.takes(Input::Checked(Ok(caller(1, 1800)))), ["authSuccess#a"]);
    assert_eq!(story.hears(crate::fixtures::processing(1, 3, 20)), ["taskProgress 1@3"]);
    assert!(!story.waits(1000.0).iter().any(|effect| effect == "authExpired"));
}

#[test]
fn a_new_token_of_another_user_ends_the_connection() {
    let mut story = Story::signed_in();
    story.says(auth("stolen"));
    let told = story.takes(Input::Checked(Ok(caller(2, 900))));
    assert_eq!(told, ["authFailed#a the token belongs to another user", "CLOSE Unauthorized"]);
}

#[test]
fn who_has_enough_connections_gets_no_more() {
    let (mut story, _) = Story::open();
    story.says(auth("good"));
    let told = story.takes(Input::Checked(Err(TooManyStreams.into())));
    assert_eq!(told, ["error#a TOO_MANY_CONNECTIONS", "CLOSE TooMany"]);
}

#[test]
fn nonsense_is_not_forgiven_for_ever() {
    let mut story = Story::signed_in();
    for _ in 0..9 {
        assert_eq!(story.takes(Input::Text("{")), ["error VALIDATION_ERROR"]);
    }
    assert_eq!(story.takes(Input::Binary), ["error VALIDATION_ERROR", "CLOSE Nonsense"]);

    // Now and then it is; and a task that is not there is no nonsense.
    let mut story = Story::signed_in();
    for _ in 0..30 {
        story.passes(Duration::from_secs(7));
        assert_eq!(story.says(json!({ "type": "dance" })), ["error VALIDATION_ERROR"]);
    }
    for _ in 0..30 {
        let unreadable = json!({ "type": "subscribe_task", "payload": { "videoId": "video_7" } });
        assert_eq!(story.says(unreadable), ["error NOT_FOUND"]);
    }
}
