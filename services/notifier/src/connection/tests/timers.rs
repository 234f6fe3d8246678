use zoetrope_tokens::Scopes;

use super::*;
use crate::fixtures::{completed, processing};

#[test]
fn hearts_beat_every_half_minute() {
    let mut story = Story::signed_in();
    assert_eq!(story.waits(29.9), Vec::<String>::new());
    assert_eq!(story.waits(0.2), ["heartbeat", "PING", "CHECK ACCESS"]);
    assert_eq!(story.waits(29.9), ["heartbeat", "PING", "CHECK ACCESS"]);
}

#[test]
fn a_silent_client_is_closed() {
    let mut story = Story::signed_in();
    story.passes(Duration::from_secs(80));
    story.takes(Input::Alive);
    story.passes(Duration::from_secs(89));
    assert!(!story.takes(Input::Tick).iter().any(|effect| effect.starts_with("CLOSE")));
    story.passes(Duration::from_secs(1));
    assert_eq!(story.takes(Input::Tick), ["CLOSE Silent"]);
}

#[test]
fn any_sign_of_life_counts() {
    for alive in [Input::Alive, Input::Binary, Input::Text("{}")] {
        let mut story = Story::signed_in();
        story.passes(Duration::from_secs(89));
        story.takes(alive);
        story.passes(Duration::from_secs(2));
        assert!(!story.takes(Input::Tick).iter().any(|effect| effect.starts_with("CLOSE")));
    }
}

#[test]
fn an_expired_token_can_be_renewed() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.finds(state(processing(1, 2, 10)));
    assert!(story.waits(901.0).contains(&"authExpired".to_owned()));

    // Requests wait for the new token, news does not.
    assert_eq!(story.subscribes(2), ["error#s UNAUTHORIZED"]);
    assert_eq!(story.hears(processing(1, 3, 20)), ["taskProgress 1@3"]);
    assert_eq!(story.says(json!({ "type": "ping" })), ["pong"]);

    assert_eq!(story.says(json!({ "type": "auth", "payload": { "token": "new" } })), ["CHECK new"]);
    assert_eq!(story.takes(Input::Checked(Ok(caller(1, 1800)))), ["authSuccess"]);
    assert_eq!(story.subscribes(2), ["FOLLOW 2", "LOOK 2"]);
    assert_eq!(story.hears(completed(1, 4)), ["taskCompleted 1@4", "UNFOLLOW 1"]);
}

#[test]
fn an_expired_token_ends_the_connection_after_a_while() {
    let mut story = Story::signed_in();
    story.waits(900.5);
    let told = story.waits(30.0);
    assert_eq!(told[told.len() - 2..], ["authFailed token has expired", "CLOSE Unauthorized"]);
}

#[test]
fn an_api_key_that_does_not_expire_is_never_asked_for_again() {
    let mut story = Story::signed_in();
    story.says(json!({ "type": "auth", "payload": { "token": "sk-" } }));
    let credential = Credential::ApiKey(Uuid::from_u128(1).into());
    story.takes(Input::Checked(Ok(Caller { credential, scopes: Some(Scopes::all()), expires_at: None, ..caller(1, 0) })));
    assert!(!story.waits(100_000.0).contains(&"authExpired".to_owned()));
    let ended = story.takes(Input::AccessEnded(credential));
    assert_eq!(ended, ["authFailed the API key is not valid", "CLOSE Unauthorized"]);
}

#[test]
fn a_session_that_ended_elsewhere_ends_here() {
    let mut story = Story::signed_in();
    let session = caller(1, 0).credential;
    assert_eq!(story.takes(Input::AccessEnded(session)), ["authFailed this session has ended", "CLOSE Unauthorized"]);
}

#[test]
fn the_end_of_a_session_before_the_present_one_changes_nothing() {
    let mut story = Story::signed_in();
    let former = Credential::Session(Uuid::from_u128(2).into());
    assert!(story.takes(Input::AccessEnded(former)).is_empty());
}

#[test]
fn the_socket_and_the_process_can_end_it() {
    let retry_after = Duration::from_secs(3);
    assert_eq!(Story::signed_in().takes(Input::Stopping { retry_after }), ["reconnect", "CLOSE Restart { retry_after: 3s }"]);
    assert_eq!(Story::signed_in().takes(Input::Overflowed), ["CLOSE TooSlow"]);
}
