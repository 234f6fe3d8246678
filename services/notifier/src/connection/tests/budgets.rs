use std::num::NonZeroU32;

use super::*;
use crate::{
    budget::{BudgetLimits, Rate},
    fixtures::processing,
};

/// Of each kind so many units and one more each second, and ten seconds of patience.
fn budgets(burst: u32) -> Arc<Budgets> {
    let rate = Rate::new(NonZeroU32::new(burst).unwrap(), NonZeroU32::MIN);
    Budgets::new(BudgetLimits { connection: rate, user: rate, address: rate, patience: Duration::from_secs(10) })
}

fn signed_in(burst: u32) -> Story {
    Story::open_with(LIMITS, budgets(burst)).0.signs_in()
}

fn many_states() -> Value {
    let videos: Vec<String> = (0..100).map(|task| task_id(task).to_video_id()).collect();
    json!({ "type": "requestMultipleTaskStatus", "payload": { "videoIds": videos } })
}

#[test]
fn each_answer_is_paid_for() {
    // For a sign-in and two such frames, whose length counts as well.
    let mut story = signed_in(5 + 2 * 101);
    for _ in 0..2 {
        assert_eq!(story.says(many_states()).len(), 1, "it is looked for");
        assert_eq!(story.finds(vec![Found::Nothing; 100]), vec!["error NOT_FOUND"; 100]);
    }
    // The last that it had.
    assert_eq!(story.says(json!({ "type": "ping" })), ["pong", "error RATE_LIMITED"]);
    let now = story.now.instant;
    assert!(!story.connection.reads(now));
    assert_eq!(story.connection.deadline(now), now + Duration::from_secs(1));
    story.passes(Duration::from_secs(1));
    assert_eq!(story.says(many_states()).len(), 1, "told a moment ago");
    story.finds(vec![Found::Nothing; 100]);
    assert_eq!(story.connection.deadline(story.now.instant), now + Duration::from_secs(30), "the heart beats before");
    assert!(!story.connection.reads(now + Duration::from_secs(101)) && story.connection.reads(now + Duration::from_secs(102)));
}

#[test]
fn nothing_that_a_client_can_send_is_for_nothing() {
    let ping = json!({ "type": "ping" }).to_string();
    let unknown = json!({ "type": "subscribe_task", "payload": { "videoId": "video_none" } }).to_string();
    let unsubscribe = json!({ "type": "unsubscribe_task", "payload": { "videoId": task_id(1) } }).to_string();
    let unfollow = json!({ "type": "unsubscribe_user" }).to_string();
    let texts = [ping.as_str(), "ping", "\"ping\"", "pong", "", &unknown, &unsubscribe, &unfollow];
    for text in texts.map(Some).into_iter().chain([None]) {
        let mut story = signed_in(100);
        let (mut frames, mut told) = (0, Vec::new());
        while !told.contains(&"CLOSE Flooding".to_owned()) {
            assert!(frames < 1000, "{text:?} goes on for ever");
            while !story.connection.reads(story.now.instant) {
                told.extend(story.waits(1.0));
            }
            // Or a protocol ping.
            told.extend(story.takes(text.map_or(Input::Alive, Input::Text)));
            frames += 1;
        }
        // A hundred at once, but for the sign-in, and one a second in the time of patience.
        assert!((100..120).contains(&frames), "{frames} of {text:?}");
        let errors = told.iter().filter(|effect| *effect == "error RATE_LIMITED").count();
        assert!((2..=3).contains(&errors), "{errors} for {text:?}");
    }
}

#[test]
fn token_after_token_is_no_way_around_it() {
    let mut story = signed_in(100);
    let mut told = Vec::new();
    for _ in 0..20 {
        story.says(json!({ "type": "auth", "payload": { "token": "another" } }));
        told = story.takes(Input::Checked(Ok(caller(1, 900))));
        if !story.connection.reads(story.now.instant) {
            break;
        }
    }
    assert_eq!(told, ["authSuccess"]);
    assert!(!story.connection.reads(story.now.instant));
}

#[test]
fn what_is_found_is_paid_for_as_well() {
    let mut story = signed_in(100);
    story.says(json!({ "type": "subscribe_user" }));
    let states = (0..2000).map(|task| processing(task, 2, 10)).collect();
    story.reads(0, states);
    assert!(!story.connection.reads(story.now.instant));
}

#[test]
fn who_does_not_sign_in_uses_up_what_his_address_has() {
    let budgets = budgets(100);
    let refused = || {
        let (mut story, _) = Story::open_with(LIMITS, Arc::clone(&budgets));
        if !story.connection.reads(story.now.instant) {
            return None;
        }
        story.says(json!({ "type": "auth", "payload": { "token": "guessed" } }));
        Some(story.takes(Input::Checked(Err(TokenRefusal::Scope))))
    };
    let tries: Vec<_> = std::iter::from_fn(refused).take(100).collect();
    assert_eq!(tries.len(), 6, "{tries:?}");
}

#[test]
fn strangers_behind_one_address_do_not_shut_each_other_out() {
    let budgets = budgets(100);
    let mut flooding = Story::open_with(LIMITS, Arc::clone(&budgets)).0;
    for _ in 0..50 {
        flooding.says(json!({ "type": "ping" }));
    }
    flooding.says(many_states());
    assert!(!flooding.connection.reads(flooding.now.instant + Duration::from_secs(40)), "the address owes a lot");

    let newcomer = || {
        let mut story = Story::open_with(LIMITS, Arc::clone(&budgets)).0;
        assert!(story.waits(1.0).is_empty());
        story
    };
    let mut neighbour = newcomer();
    let told = neighbour.says(json!({ "type": "auth", "payload": { "token": "t" } }));
    assert!(!told.contains(&"error RATE_LIMITED".to_owned()), "{told:?}");
    assert_eq!(neighbour.takes(Input::Checked(Ok(caller(1, 900)))), ["authSuccess"]);
    assert!(neighbour.connection.reads(neighbour.now.instant), "it has its own budget");

    let mut guesser = newcomer();
    guesser.says(json!({ "type": "auth", "payload": { "token": "guessed" } }));
    let told = guesser.takes(Input::Checked(Err(TokenRefusal::Scope)));
    assert_eq!(told, ["error RATE_LIMITED", "CLOSE Flooding"]);

    let mut talker = newcomer();
    talker.says(json!({ "type": "ping" }));
    assert!(!talker.connection.reads(talker.now.instant), "only its first frame goes before");
}

#[test]
fn whoever_signs_in_costs_its_address_nothing() {
    let budgets = budgets(100);
    for user in 1..100 {
        let (mut story, _) = Story::open_with(LIMITS, Arc::clone(&budgets));
        story.says(json!({ "type": "auth", "payload": { "token": "t" } }));
        assert_eq!(story.takes(Input::Checked(Ok(caller(user, 900)))), ["authSuccess"], "user {user}");
    }
}

#[test]
fn who_opens_connection_after_connection_is_sent_away() {
    let budgets = budgets(100);
    let sign_in = || {
        let (mut story, _) = Story::open_with(LIMITS, Arc::clone(&budgets));
        story.says(json!({ "type": "auth", "payload": { "token": "t" } }));
        story.takes(Input::Checked(Ok(caller(1, 900))))
    };
    let welcome = (0..100).take_while(|_| sign_in() == ["authSuccess"]).count();
    assert!((20..40).contains(&welcome), "{welcome}");
    assert_eq!(sign_in(), ["error RATE_LIMITED", "CLOSE Flooding"]);
}

/// As after a restart, with what is configured by default.
#[test]
fn a_client_that_comes_back_with_all_it_follows_is_not_slowed_down() {
    let settings = WebSocketSettings::default();
    let (limits, budgets) = (settings.limits(), Budgets::new(settings.budgets()));
    for _ in 0..5 {
        let mut story = Story::open_with(limits, Arc::clone(&budgets)).0.signs_in();
        for task in 0..1000 {
            story.subscribes(task);
            let told = story.finds(state(processing(task, 2, 10)));
            assert_eq!(told.len(), 2, "{told:?}");
        }
        assert!(story.connection.reads(story.now.instant));
        assert_eq!(story.says(json!({ "type": "ping" })), ["pong"]);
    }
}

#[test]
fn the_pings_of_libraries_are_answered_in_kind_and_are_no_nonsense() {
    let mut story = signed_in(100);
    for _ in 0..10 {
        for ping in ["ping", "\"ping\"", "{\"type\":\"ping\"}", "PING", "{\"event\":\"ping\"}"] {
            assert_eq!(story.takes(Input::Text(ping)), ["pong"], "{ping}");
        }
        assert!(story.takes(Input::Text("pong")).is_empty());
    }
}
