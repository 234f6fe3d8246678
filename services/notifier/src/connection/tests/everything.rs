use super::*;
use crate::fixtures::{cancelled, completed, failed, of_user, processing, queued};

#[test]
fn all_running_tasks_are_told_first() {
    let mut story = Story::following_all();
    let told = story.reads(0, vec![processing(1, 3, 30), queued(2, 1)]);
    assert_eq!(told, ["task_progress 1@3", "task_progress 2@1"]);
    assert_eq!(story.hears(processing(1, 4, 40)), ["task_progress 1@4"]);
    assert_eq!(story.hears(completed(1, 5)), ["task_complete 1@5"]);
    assert_eq!(story.hears(failed(2, 2)), ["task_failed 2@2"]);
    assert_eq!(story.hears(cancelled(3, 2)), ["task_failed 3@2"], "a task that it hears of for the first time");
}

#[test]
fn what_is_heard_twice_or_late_is_told_once() {
    let mut story = Story::following_all();
    story.hears(processing(1, 4, 40));
    assert_eq!(story.reads(0, vec![processing(1, 3, 30)]), Vec::<String>::new());
    assert_eq!(story.hears(processing(1, 4, 40)), Vec::<String>::new());
    story.hears(completed(1, 6));
    assert_eq!(story.hears(processing(1, 5, 50)), Vec::<String>::new(), "nothing comes back to life");
    assert_eq!(story.hears(of_user(2, 9, 3)), Vec::<String>::new(), "and nobody else's task is told");
}

#[test]
fn nobody_else_s_task_is_read() {
    let mut story = Story::following_all();
    assert_eq!(story.reads(0, vec![of_user(2, 9, 3), queued(2, 1)]), ["task_progress 2@1"]);
}

#[test]
fn the_snapshot_is_tried_for_until_it_can_be_had() {
    let mut story = Story::following_all();
    assert!(!story.connection.hears(), "how things are comes first");
    assert_eq!(story.reads_as(|_| Err(Unavailable)), Vec::<String>::new());
    assert!(story.connection.hears());
    assert_eq!(story.hears(processing(1, 4, 40)), ["task_progress 1@4"], "news comes meanwhile");
    assert_eq!(story.waits(1.1), ["LOOK ALL"]);
    assert_eq!(story.reads(0, vec![processing(2, 3, 30)]), ["task_progress 2@3"]);
    assert_eq!(story.waits(5.0), Vec::<String>::new());
}

#[test]
fn it_takes_auth_and_ping_only() {
    let mut story = Story::following_all();
    assert_eq!(story.says(json!({ "type": "ping" })), ["pong"]);
    assert_eq!(story.subscribes(1), ["error#s VALIDATION_ERROR"]);
    assert_eq!(story.says(json!({ "type": "subscribe_user" })), ["error VALIDATION_ERROR"]);
}

#[test]
fn the_protocol_s_ping_is_its_heartbeat() {
    let mut story = Story::following_all();
    assert_eq!(story.waits(30.1), ["PING", "CHECK ACCESS"]);
}

#[test]
fn a_new_token_does_not_start_it_anew() {
    let mut story = Story::following_all();
    story.hears(processing(1, 4, 40));
    story.says(json!({ "type": "auth", "token": "next" }));
    assert_eq!(story.takes(Input::Checked(Ok(caller(1, 1800)))), ["auth_success"]);
    assert_eq!(story.hears(processing(1, 4, 40)), Vec::<String>::new());
}

#[test]
fn it_remembers_a_bounded_number_of_ends() {
    let mut story = Story::following_all();
    for task in 0..2000 {
        assert_eq!(story.hears(completed(task, 5)).len(), 1);
    }
    assert_eq!(story.hears(completed(1999, 5)), Vec::<String>::new());
}

/// Asks, in the dialect of requests, for everything.
fn subscribes(story: &mut Story) -> Vec<String> {
    story.says(json!({ "type": "subscribe_user", "id": "u" }))
}

#[test]
fn everything_can_be_asked_for() {
    let mut story = Story::signed_in();
    assert_eq!(subscribes(&mut story), ["FOLLOW ALL", "LOOK ALL"]);
    assert!(!story.connection.reads(story.now.instant), "answers come in the order of the requests");
    let told = story.reads(0, vec![processing(1, 3, 30)]);
    assert_eq!(told, ["subscribeSuccess#u all from 0", "taskStatus 1@3"]);
    assert_eq!(story.hears(processing(1, 4, 40)), ["taskProgress 1@4"]);
    assert_eq!(story.hears(completed(2, 5)), ["taskCompleted 2@5"]);
    assert_eq!(subscribes(&mut story), ["subscribeSuccess#u all from 0"], "once more changes nothing");

    let unsubscribe = json!({ "type": "unsubscribe_user", "id": "x" });
    assert_eq!(story.says(unsubscribe.clone()), ["UNFOLLOW ALL", "unsubscribeSuccess#x all"]);
    assert_eq!(story.hears(processing(1, 5, 50)), Vec::<String>::new());
    assert_eq!(story.says(unsubscribe), ["unsubscribeSuccess#x all"]);
    assert_eq!(subscribes(&mut story), ["FOLLOW ALL", "LOOK ALL"]);
    assert_eq!(story.reads(0, vec![processing(1, 5, 50)]).len(), 2, "it hears again how things are");
}

#[test]
fn a_table_that_is_away_keeps_nobody_waiting() {
    let mut story = Story::signed_in();
    subscribes(&mut story);
    assert_eq!(story.reads_as(|_| Err(Unavailable)), ["subscribeSuccess#u all from nowhere"]);
    assert_eq!(story.waits(1.1), ["LOOK ALL"]);
    assert_eq!(story.reads(0, vec![processing(1, 3, 30)]), ["taskStatus 1@3"]);
}

#[test]
fn a_task_that_is_followed_twice_is_told_once() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    story.finds(state(processing(1, 3, 30)));
    subscribes(&mut story);
    let told = story.reads(0, vec![processing(1, 3, 30), queued(2, 1)]);
    assert_eq!(told, ["subscribeSuccess#u all from 0", "taskStatus 2@1"]);
    assert_eq!(story.hears(processing(1, 4, 40)), ["taskProgress 1@4"]);
    assert_eq!(story.asks("unsubscribe_task", 1), ["UNFOLLOW 1", "unsubscribeSuccess#unsubscribe_task-1 1"]);
    assert_eq!(story.hears(processing(1, 5, 50)), ["taskProgress 1@5"], "everything is still followed");
    assert_eq!(story.subscribes(1), ["FOLLOW 1", "LOOK 1"]);
    assert_eq!(story.finds(state(processing(1, 5, 50))), ["subscribeSuccess#s 1", "taskStatus#s 1@5"]);
    assert_eq!(story.hears(completed(1, 6)), ["taskCompleted 1@6", "UNFOLLOW 1"]);
}
