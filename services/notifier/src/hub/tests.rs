use futures_util::FutureExt;

use super::*;
use crate::fixtures::{completed, of_user, processing, queued, task_id, user_id};

fn hub(remembered: usize) -> Arc<Hub> {
    Hub::new(HubLimits { mailbox: 16, remembered: remembered * SHARDS })
}

/// Number and version of each task in the mailbox.
fn heard(member: &Membership) -> Vec<(u128, u64)> {
    match member.mailbox().take().now_or_never() {
        None => Vec::new(),
        Some(Mail::Updates(updates)) => {
            updates.iter().map(|update| (update.task.task_id.as_uuid().as_u128(), update.task.version)).collect()
        }
        Some(Mail::Overflowed) => panic!("overflowed"),
    }
}

#[test]
fn followers_of_a_task_hear_of_it() {
    let hub = hub(8);
    let (mut one, mut two, idle) = (hub.join(), hub.join(), hub.join());
    one.follow(task_id(1), user_id(1));
    two.follow(task_id(1), user_id(1));
    two.follow(task_id(2), user_id(1));
    assert!(hub.publish(&processing(1, 2, 10)));
    assert!(hub.publish(&processing(2, 7, 10)));
    assert_eq!(heard(&one), [(1, 2)]);
    assert_eq!(heard(&two), [(1, 2), (2, 7)]);
    assert_eq!(heard(&idle), []);
}

#[test]
fn nobody_hears_of_another_s_task() {
    let hub = hub(8);
    let mut thief = hub.join();
    thief.follow(task_id(1), user_id(2));
    assert!(hub.publish(&processing(1, 2, 10)));
    assert_eq!(heard(&thief), []);
    assert!(hub.publish(&of_user(2, 1, 3)));
    assert_eq!(heard(&thief), [(1, 3)]);
}

#[test]
fn a_user_s_followers_hear_of_all_tasks() {
    let hub = hub(8);
    let (mut all, mut other) = (hub.join(), hub.join());
    all.follow_all(user_id(1));
    other.follow_all(user_id(2));
    for update in [processing(1, 2, 10), completed(2, 5), processing(1, 3, 20)] {
        assert!(hub.publish(&update));
    }
    assert_eq!(heard(&all), [(1, 3), (2, 5)]);
    assert_eq!(heard(&other), []);
    assert_eq!(hub.followed_users().len(), 2);
    drop(all);
    assert_eq!(hub.followed_users(), [user_id(2)]);
}

#[test]
fn old_news_is_none() {
    let hub = hub(8);
    let mut member = hub.join();
    member.follow(task_id(1), user_id(1));
    assert!(hub.publish(&completed(1, 5)));
    assert!(!hub.publish(&processing(1, 4, 80)));
    assert!(!hub.publish(&completed(1, 5)));
    assert_eq!(heard(&member), [(1, 5)]);
}

#[test]
fn who_left_hears_nothing() {
    let hub = hub(8);
    let mut member = hub.join();
    member.follow(task_id(1), user_id(1));
    member.follow(task_id(1), user_id(1));
    member.unfollow(task_id(1));
    hub.publish(&processing(1, 2, 10));
    assert_eq!(heard(&member), []);
    assert_eq!(hub.connections(), 1);
    drop(member);
    assert_eq!(hub.connections(), 0);
    assert_eq!(hub.running_tasks(), []);
}

#[test]
fn a_state_is_remembered_for_those_who_come_a_moment_later() {
    let hub = hub(8);
    hub.publish(&queued(1, 1));
    assert_eq!(hub.newest(task_id(1)).unwrap().task.version, 1);
    assert!(hub.newest(task_id(2)).is_none());
}

#[test]
fn memory_is_bounded_and_followed_tasks_stay() {
    let hub = hub(2);
    let mut member = hub.join();
    member.follow(task_id(0), user_id(1));
    for task in 0..1000 {
        hub.publish(&processing(task, 2, 10));
    }
    let kept = || (0..1000).filter(|task| hub.newest(task_id(*task)).is_some()).count();
    assert!(kept() <= 2 * SHARDS + 1, "{}", kept());
    assert!(hub.newest(task_id(0)).is_some());
    drop(member);
    for task in 1000..4000 {
        hub.publish(&processing(task, 2, 10));
    }
    assert_eq!(kept(), 0);
}

#[test]
fn a_changing_task_is_not_forgotten_for_its_old_states() {
    let mut topics = Topics::new(2);
    for update in [processing(1, 2, 10), processing(1, 3, 20), processing(1, 4, 30), processing(2, 2, 10)] {
        topics.publish(&update);
    }
    assert_eq!(topics.newest(task_id(1)).map(|newest| newest.task.version), Some(4));
}

#[test]
fn the_sweep_asks_for_what_can_still_change() {
    let hub = hub(8);
    let mut member = hub.join();
    for task in 1..=3 {
        member.follow(task_id(task), user_id(1));
    }
    hub.publish(&processing(1, 4, 10));
    hub.publish(&completed(2, 5));
    hub.publish(&processing(9, 4, 10));
    let mut running = hub.running_tasks();
    running.sort_unstable();
    assert_eq!(running, [(task_id(1), 4), (task_id(3), 0)]);
}
