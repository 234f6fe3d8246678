use super::*;
use crate::fixtures::{cancelled, completed, failed, of_user, processing, queued};

#[test]
fn a_subscription_is_registered_before_the_state_is_read() {
    let mut story = Story::signed_in();
    assert_eq!(story.subscribes(1), ["FOLLOW 1", "LOOK 1"]);
    assert_eq!(story.finds(state(processing(1, 3, 30))), ["subscribeSuccess#s 1", "taskStatus#s 1@3"]);
    assert_eq!(story.hears(processing(1, 4, 40)), ["taskProgress 1@4"]);
    assert_eq!(story.hears(completed(1, 5)), ["taskCompleted 1@5", "UNFOLLOW 1"]);
}

#[test]
fn every_end_ends_the_subscription() {
    for (end, words) in [(failed(1, 5), "taskFailed 1@5"), (cancelled(1, 5), "taskCancelled 1@5")] {
        let mut story = Story::signed_in();
        story.subscribes(1);
        story.finds(state(queued(1, 1)));
        assert_eq!(story.hears(end), [words, "UNFOLLOW 1"]);
        assert_eq!(story.hears(processing(1, 4, 90)), Vec::<String>::new());
    }
}

#[test]
fn a_task_that_has_ended_is_told_at_once() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    let told = story.finds(state(completed(1, 5)));
    assert_eq!(told, ["subscribeSuccess#s 1", "taskStatus#s 1@5", "UNFOLLOW 1"]);
    // It may ask again.
    assert_eq!(story.subscribes(1), ["FOLLOW 1", "LOOK 1"]);
}

#[test]
fn an_update_that_overtakes_the_look_answers_the_subscription() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    assert_eq!(story.hears(processing(1, 4, 40)), ["subscribeSuccess#s 1", "taskStatus#s 1@4"]);
    assert_eq!(story.finds(state(processing(1, 3, 30))), Vec::<String>::new());
    assert_eq!(story.hears(processing(1, 4, 40)), Vec::<String>::new());
    assert_eq!(story.hears(processing(1, 5, 50)), ["taskProgress 1@5"]);
}

#[test]
fn a_look_that_finds_more_than_was_heard_is_news() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.hears(processing(1, 2, 10));
    assert_eq!(story.finds(state(processing(1, 4, 40))), ["taskProgress 1@4"]);
}

#[test]
fn a_task_that_is_not_known_yet_is_waited_for() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    assert_eq!(story.finds(vec![Found::Nothing]), Vec::<String>::new());
    assert!(story.connection.reads(story.now.instant), "others go on meanwhile");
    assert_eq!(story.says(json!({ "type": "ping" })), ["pong"]);
    assert_eq!(story.hears(queued(1, 1)), ["subscribeSuccess#s 1", "taskStatus#s 1@1"]);
}

#[test]
fn what_was_not_heard_is_looked_for() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.finds(vec![Found::Nothing]);
    assert_eq!(story.waits(1.1), ["LOOK 1"]);
    assert_eq!(story.finds(state(queued(1, 1))), ["subscribeSuccess#s 1", "taskStatus#s 1@1"]);
}

/// What a client sees while it waits for a task that the look answers like this.
fn refusal(found: &Found) -> Vec<String> {
    let mut story = Story::signed_in();
    let mut told = story.subscribes(1);
    loop {
        if !story.looks.is_empty() {
            told.extend(story.finds(vec![found.clone()]));
        }
        let seconds = story.now.time - CREATED;
        if seconds > TimeDelta::seconds(8) {
            return told;
        }
        let ticked = story.waits(0.1);
        told.extend(ticked.into_iter().map(|effect| format!("{effect} after {} s", seconds.num_seconds())));
    }
}

#[test]
fn another_s_task_and_none_are_the_same() {
    let nothing = refusal(&Found::Nothing);
    assert_eq!(nothing, refusal(&Found::State(of_user(2, 1, 3))));
    assert_eq!(nothing.iter().filter(|effect| effect.starts_with("LOOK 1")).count(), 5);
    assert_eq!(nothing[nothing.len() - 2..], ["error#s NOT_FOUND after 4 s", "UNFOLLOW 1 after 4 s"]);
}

#[test]
fn a_table_that_is_away_is_named() {
    let told = refusal(&Found::Unavailable);
    assert!(told.contains(&"error#s UNAVAILABLE after 4 s".to_owned()), "{told:?}");
}

#[test]
fn another_s_update_is_nobody_s_business() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    assert_eq!(story.hears(of_user(2, 1, 3)), Vec::<String>::new());
    assert_eq!(story.hears(processing(7, 3, 30)), Vec::<String>::new(), "nor is a task that was not asked for");
}

#[test]
fn a_repeated_subscription_is_answered_from_what_was_told() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.finds(state(processing(1, 3, 30)));
    assert_eq!(story.subscribes(1), ["subscribeSuccess#s 1", "taskStatus#s 1@3"]);
    assert_eq!(story.hears(processing(1, 4, 40)), ["taskProgress 1@4"], "and still hears each change once");
}

#[test]
fn repeated_requests_for_a_pending_task_are_all_answered_up_to_a_bound() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.finds(vec![Found::Nothing]);
    for _ in 1..16 {
        assert_eq!(story.subscribes(1), Vec::<String>::new());
    }
    assert_eq!(story.subscribes(1), ["error#s TOO_LARGE"]);
    assert_eq!(story.hears(queued(1, 1)).len(), 32);
}

#[test]
fn an_unsubscribed_task_is_not_heard_of() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.finds(state(processing(1, 3, 30)));
    assert_eq!(story.asks("unsubscribe_task", 1), ["UNFOLLOW 1", "unsubscribeSuccess#unsubscribe_task-1 1"]);
    assert_eq!(story.hears(processing(1, 4, 40)), Vec::<String>::new());
    assert_eq!(story.asks("unsubscribe_task", 1), ["unsubscribeSuccess#unsubscribe_task-1 1"]);
}

#[test]
fn a_pending_subscription_can_be_taken_back() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.finds(vec![Found::Nothing]);
    let told = story.asks("unsubscribe_task", 1);
    assert_eq!(told, ["error#s NOT_FOUND", "UNFOLLOW 1", "unsubscribeSuccess#unsubscribe_task-1 1"]);
    assert_eq!(story.waits(6.0), Vec::<String>::new());
}

#[test]
fn a_connection_follows_a_bounded_number_of_tasks() {
    let mut story = Story::signed_in();
    for task in 1..=4 {
        story.subscribes(task);
        story.finds(state(queued(task, 1)));
    }
    assert_eq!(story.subscribes(5), ["error#s TOO_LARGE"]);
    story.hears(completed(1, 2));
    assert_eq!(story.subscribes(5), ["FOLLOW 5", "LOOK 5"]);
}

#[test]
fn answers_come_in_the_order_of_the_requests() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    assert!(!story.connection.reads(story.now.instant));
    story.finds(state(queued(1, 1)));
    assert!(story.connection.reads(story.now.instant));
}

#[test]
fn a_slow_look_does_not_stop_the_others_for_long() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.waits(0.6);
    assert_eq!(story.says(json!({ "type": "ping" })), ["pong"]);
    assert_eq!(story.finds(state(queued(1, 1))), ["subscribeSuccess#s 1", "taskStatus#s 1@1"]);
}

#[test]
fn a_question_is_answered_once() {
    let mut story = Story::signed_in();
    assert_eq!(story.asks("requestTaskStatus", 1), ["LOOK 1"]);
    assert_eq!(story.finds(state(processing(1, 3, 30))), ["taskUpdated#requestTaskStatus-1 1@3"]);
    assert_eq!(story.hears(processing(1, 4, 40)), Vec::<String>::new());
}

#[test]
fn many_questions_are_answered_one_by_one() {
    let mut story = Story::signed_in();
    let videos: Vec<String> = (1..=3).map(|task| task_id(task).to_video_id()).collect();
    let frame = json!({ "type": "requestMultipleTaskStatus", "id": "m", "payload": { "videoIds": videos } });
    assert_eq!(story.says(frame), ["LOOK 1 2 3"]);
    let found = vec![Found::State(completed(1, 5)), Found::State(of_user(2, 2, 3)), Found::Unavailable];
    assert_eq!(story.finds(found), ["taskUpdated#m 1@5", "error#m NOT_FOUND", "error#m UNAVAILABLE"]);
    let empty = json!({ "type": "requestMultipleTaskStatus", "payload": { "videoIds": [] } });
    assert_eq!(story.says(empty), Vec::<String>::new());
}

#[test]
fn an_answer_never_takes_back_what_was_told() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.finds(state(processing(1, 5, 50)));
    story.asks("requestTaskStatus", 1);
    assert_eq!(story.finds(state(processing(1, 3, 30))), ["taskUpdated#requestTaskStatus-1 1@5"]);
    story.asks("requestTaskStatus", 1);
    assert_eq!(story.finds(vec![Found::Unavailable]), ["taskUpdated#requestTaskStatus-1 1@5"]);
}
