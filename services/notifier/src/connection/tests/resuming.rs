use super::*;
use crate::fixtures::{completed, placed, processing};

/// Subscribes as somebody who has seen everything up to a place, or says so.
fn resumes(story: &mut Story, task: u128, last_event_id: &str) -> Vec<String> {
    let payload = json!({ "videoId": task_id(task).to_video_id(), "lastEventId": last_event_id });
    story.says(json!({ "type": "subscribe_task", "id": "s", "payload": payload }))
}

fn resumes_all(story: &mut Story, last_event_id: &str) -> Vec<String> {
    story.says(json!({ "type": "subscribe_user", "id": "u", "payload": { "lastEventId": last_event_id } }))
}

#[test]
fn a_task_that_changed_is_told() {
    let mut story = Story::signed_in();
    assert_eq!(resumes(&mut story, 1, "5"), ["FOLLOW 1", "LOOK 1 AFTER 5"]);
    let told = story.reads(8, vec![placed(7, &processing(1, 3, 30))]);
    assert_eq!(told, ["subscribeSuccess#s 1", "taskStatus#s 1@3 (8)"]);
    assert_eq!(story.hears_at(9, placed(9, &processing(1, 4, 40))), ["taskProgress 1@4 (9)"]);
}

#[test]
fn a_task_that_did_not_change_is_only_followed() {
    let mut story = Story::signed_in();
    resumes(&mut story, 1, "7");
    assert_eq!(story.reads(8, vec![placed(7, &processing(1, 3, 30))]), ["subscribeSuccess#s 1"]);
    assert_eq!(story.hears_at(9, placed(9, &completed(1, 4))), ["taskCompleted 1@4 (9)", "UNFOLLOW 1"]);

    resumes(&mut story, 1, "9");
    assert_eq!(story.reads(9, vec![placed(9, &completed(1, 4))]), ["subscribeSuccess#s 1", "UNFOLLOW 1"]);
}

#[test]
fn what_a_client_has_seen_is_not_told_again_when_it_comes_late() {
    let mut story = Story::signed_in();
    resumes(&mut story, 1, "7");
    assert_eq!(story.hears_at(6, placed(6, &processing(1, 2, 20))), Vec::<String>::new());
    assert_eq!(story.hears_at(9, placed(9, &processing(1, 4, 40))), ["subscribeSuccess#s 1", "taskStatus#s 1@4 (9)"]);
}

#[test]
fn a_task_that_cannot_be_gone_on_from_begins_anew() {
    let mut story = Story::signed_in();
    assert_eq!(resumes(&mut story, 1, "yesterday"), ["FOLLOW 1", "LOOK 1 ANEW"]);
    let told = story.reads(8, vec![placed(7, &processing(1, 3, 30))]);
    assert_eq!(told, ["subscribeSuccess#s 1", "resync#s 1@3 (8)"]);

    // The table says so.
    let mut story = Story::signed_in();
    resumes(&mut story, 1, "5");
    let forgotten = reading(Start::Unknown, 8, vec![placed(3, &completed(1, 3))]);
    assert_eq!(story.reads_as(|_| Ok(forgotten)), ["subscribeSuccess#s 1", "resync#s 1@3 (8)", "UNFOLLOW 1"]);
}

#[test]
fn everything_that_was_missed_is_told_in_order() {
    let mut story = Story::signed_in();
    assert_eq!(resumes_all(&mut story, "5"), ["FOLLOW ALL", "LOOK ALL AFTER 5"]);
    let missed = [placed(7, &completed(1, 4)), placed(9, &processing(2, 3, 30)), placed(11, &completed(3, 2))];
    let told = story.reads(10, missed.to_vec());
    assert_eq!(
        told,
        ["subscribeSuccess#u all from 6", "taskCompleted 1@4 (7)", "taskProgress 2@3 (9)", "taskCompleted 3@2 (10)",]
    );
    assert_eq!(story.hears_at(12, placed(12, &completed(2, 4))), ["taskCompleted 2@4 (12)"]);
}

#[test]
fn when_nothing_was_missed_the_client_stands_where_the_table_does() {
    let mut story = Story::signed_in();
    resumes_all(&mut story, "5");
    assert_eq!(story.reads(8, Vec::new()), ["subscribeSuccess#u all from 8"]);
    let mut story = Story::signed_in();
    resumes_all(&mut story, "5");
    assert_eq!(story.reads(4, Vec::new()), ["subscribeSuccess#u all from 5"], "the table is a little behind");
}

#[test]
fn many_missed_changes_come_page_by_page() {
    let mut story = Story::signed_in();
    resumes_all(&mut story, "5");
    let page = |start| Reading { more: true, covers: false, ..reading(start, 7, vec![placed(7, &completed(1, 4))]) };
    let told = story.reads_as(|start| Ok(page(start)));
    assert_eq!(told, ["subscribeSuccess#u all from 6", "taskCompleted 1@4 (7)", "LOOK ALL AFTER 7"]);
    assert_eq!(story.hears_at(20, placed(20, &completed(3, 4))), ["taskCompleted 3@4 (7)"], "news waits for nothing");
    assert_eq!(story.reads(20, vec![placed(9, &completed(2, 4)), placed(20, &completed(3, 4))]), ["taskCompleted 2@4 (9)"]);
    assert_eq!(story.hears_at(21, placed(21, &completed(4, 4))), ["taskCompleted 4@4 (21)"]);
}

#[test]
fn a_feed_that_cannot_be_gone_on_from_begins_anew() {
    for last_event_id in ["", "99999999999999999999"] {
        let mut story = Story::signed_in();
        assert_eq!(resumes_all(&mut story, last_event_id), ["FOLLOW ALL", "LOOK ALL ANEW"]);
        let told = story.reads(8, vec![placed(3, &processing(1, 3, 30)), placed(8, &completed(2, 4))]);
        assert_eq!(told, ["subscribeSuccess#u all from nowhere", "resync 1@3 2@4 (8)"]);
        assert_eq!(story.hears_at(9, placed(9, &completed(1, 4))), ["taskCompleted 1@4 (9)"]);
    }
    // The client has seen more than there is.
    let mut story = Story::signed_in();
    resumes_all(&mut story, "500");
    let told = story.reads_as(|_| Ok(reading(Start::Unknown, 8, Vec::new())));
    assert_eq!(told, ["subscribeSuccess#u all from nowhere", "resync (8)"]);
}

#[test]
fn the_flat_dialect_resumes_with_its_token() {
    let (mut story, _) = Story::open();
    story.says(json!({ "type": "auth", "token": "t", "lastEventId": "5" }));
    let told = story.takes(Input::Checked(Ok(caller(1, 900))));
    assert_eq!(told, ["auth_success", "FOLLOW ALL", "LOOK ALL AFTER 5"]);
    assert_eq!(story.reads(8, vec![placed(7, &completed(1, 4))]), ["task_complete 1@4 (8)"]);
}

#[test]
fn ids_promise_nothing_that_was_not_told() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    assert_eq!(story.reads(8, vec![placed(3, &processing(1, 3, 30))])[1], "taskStatus#s 1@3 (8)");

    // A change of task 1 may be on its way while task 2 is read: what is read does not move ids.
    story.subscribes(2);
    assert_eq!(story.hears_at(10, placed(10, &processing(1, 4, 40))), ["taskProgress 1@4 (8)"], "2 is not covered yet");
    assert_eq!(story.reads(12, vec![placed(12, &processing(2, 2, 20))])[1], "taskStatus#s 2@2 (8)");
    assert_eq!(story.hears_at(13, placed(13, &processing(1, 5, 50))), ["taskProgress 1@5 (13)"]);

    // What is read of task 3 is less than what ids promise of the others, and less than was heard before it was followed.
    story.subscribes(3);
    let lagging = |start| Reading { covers: false, ..reading(start, 12, vec![placed(4, &processing(3, 2, 20))]) };
    assert_eq!(story.reads_as(|start| Ok(lagging(start)))[1], "taskStatus#s 3@2 (12)");
    assert_eq!(story.hears_at(14, placed(14, &processing(1, 6, 60))), ["taskProgress 1@6 (12)"]);
    assert_eq!(story.waits(5.1), ["LOOK 3 AFTER 12"]);
    assert_eq!(story.reads(14, vec![placed(4, &processing(3, 2, 20))]), Vec::<String>::new());
    assert_eq!(story.hears_at(15, placed(15, &processing(1, 7, 70))), ["taskProgress 1@7 (15)"]);
}

#[test]
fn who_begins_further_back_is_promised_no_more_than_that() {
    let mut story = Story::signed_in();
    resumes(&mut story, 1, "20");
    story.reads(20, vec![placed(3, &processing(1, 3, 30))]);
    resumes(&mut story, 2, "10");
    assert_eq!(story.hears_at(21, placed(21, &processing(1, 4, 40))), ["taskProgress 1@4 (10)"]);
    story.reads(21, vec![placed(15, &processing(2, 3, 30))]);
    assert_eq!(story.hears_at(22, placed(22, &processing(1, 5, 50))), ["taskProgress 1@5 (22)"]);
}

#[test]
fn an_update_that_overtakes_the_look_can_be_resumed_from() {
    let mut story = Story::signed_in();
    story.subscribes(1);
    let told = story.hears_at(9, placed(9, &processing(1, 4, 40)));
    assert_eq!(told, ["subscribeSuccess#s 1", "taskStatus#s 1@4 (9)"]);
}
