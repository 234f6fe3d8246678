use super::*;
use crate::fixtures::{cancelled, completed, failed, of_user, processing, queued};

#[test]
fn all_running_tasks_are_told_first() {
    let mut story = Story::following_all();
    let told = story.takes(Input::OpenTasks(Ok(vec![processing(1, 3, 30), queued(2, 1)])));
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
    assert_eq!(story.takes(Input::OpenTasks(Ok(vec![processing(1, 3, 30)]))), Vec::<String>::new());
    assert_eq!(story.hears(processing(1, 4, 40)), Vec::<String>::new());
    story.hears(completed(1, 6));
    assert_eq!(story.hears(processing(1, 5, 50)), Vec::<String>::new(), "nothing comes back to life");
    assert_eq!(story.hears(of_user(2, 9, 3)), Vec::<String>::new(), "and nobody else's task is told");
}

#[test]
fn what_ended_before_the_client_came_is_no_news() {
    let (mut story, _) = Story::open();
    story.passes(Duration::from_secs(9));
    story.says(json!({ "type": "auth", "token": "t" }));
    story.takes(Input::Checked(Ok(claims(1, 900))));
    let mut ended = completed(1, 5).task.clone();
    ended.updated_at = CREATED + TimeDelta::seconds(5);
    assert_eq!(story.hears(Arc::new(Update::new(ended, None))), Vec::<String>::new());
}

#[test]
fn the_snapshot_is_tried_for_until_it_can_be_had() {
    let mut story = Story::following_all();
    assert_eq!(story.takes(Input::OpenTasks(Err(Unavailable))), Vec::<String>::new());
    assert_eq!(story.hears(processing(1, 4, 40)), ["task_progress 1@4"], "news comes meanwhile");
    assert_eq!(story.waits(2.1), ["LOOK FOR OPEN"]);
    assert_eq!(story.takes(Input::OpenTasks(Ok(vec![processing(2, 3, 30)]))), ["task_progress 2@3"]);
    assert_eq!(story.waits(5.0), Vec::<String>::new());
}

#[test]
fn it_takes_auth_and_ping_only() {
    let mut story = Story::following_all();
    assert_eq!(story.says(json!({ "type": "ping" })), ["pong"]);
    assert_eq!(story.subscribes(1), ["error#s VALIDATION_ERROR"]);
}

#[test]
fn the_protocol_s_ping_is_its_heartbeat() {
    let mut story = Story::following_all();
    assert_eq!(story.waits(30.1), ["PING", "CHECK SESSION"]);
}

#[test]
fn a_new_token_does_not_start_it_anew() {
    let mut story = Story::following_all();
    story.hears(processing(1, 4, 40));
    story.says(json!({ "type": "auth", "token": "next" }));
    assert_eq!(story.takes(Input::Checked(Ok(claims(1, 1800)))), ["auth_success"]);
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
