use futures_util::FutureExt;
use zoetrope_domain::TaskId;

use super::*;
use crate::{
    fixtures::{completed, of_user, placed, processing, queued, task_id, user_id},
    stream::Scope,
};

fn hub(remembered: usize) -> Arc<Hub> {
    Hub::new(HubLimits { mailbox: 16, remembered: remembered * SHARDS, streams_per_user: 3 })
}

/// A stream of a user.
fn member(hub: &Arc<Hub>, user: u128) -> Membership {
    let mut member = hub.join(None);
    member.enter(user_id(user)).unwrap();
    member
}

fn task(number: u128) -> Scope {
    Scope::Task(task_id(number))
}

fn at(position: u64) -> FeedPosition {
    FeedPosition::clamped(position)
}

fn posts(member: &Membership) -> Vec<Post> {
    match member.mailbox().take().now_or_never() {
        None => Vec::new(),
        Some(Mail::Posts(posts)) => posts,
        Some(Mail::Overflowed) => panic!("overflowed"),
    }
}

/// Number and version of each task in the mailbox.
fn heard(member: &Membership) -> Vec<(u128, u64)> {
    posts(member).iter().map(|post| (post.update.task.task_id.as_uuid().as_u128(), post.update.task.version)).collect()
}

/// The frontiers of what is in the mailbox.
fn frontiers(member: &Membership) -> Vec<Option<u64>> {
    posts(member).iter().map(|post| post.frontier.map(FeedPosition::get)).collect()
}

#[test]
fn followers_of_a_task_hear_of_it() {
    let hub = hub(8);
    let (mut one, mut two, idle) = (member(&hub, 1), member(&hub, 1), member(&hub, 1));
    one.follow(task(1));
    two.follow(task(1));
    two.follow(task(2));
    assert!(hub.publish(&processing(1, 2, 10)));
    assert!(hub.publish(&processing(2, 7, 10)));
    assert_eq!(heard(&one), [(1, 2)]);
    assert_eq!(heard(&two), [(1, 2), (2, 7)]);
    assert_eq!(heard(&idle), []);
}

#[test]
fn nobody_hears_of_another_s_task() {
    let hub = hub(8);
    let mut thief = member(&hub, 2);
    thief.follow(task(1));
    assert!(hub.publish(&processing(1, 2, 10)));
    assert_eq!(heard(&thief), []);
    assert!(hub.newest(user_id(2), task_id(1)).is_none());
}

#[test]
fn a_user_s_followers_hear_of_all_tasks() {
    let hub = hub(8);
    let (mut all, mut other) = (member(&hub, 1), member(&hub, 2));
    all.follow(Scope::Everything);
    other.follow(Scope::Everything);
    for update in [processing(1, 2, 10), completed(2, 5), processing(1, 3, 20)] {
        assert!(hub.publish(&update));
    }
    assert_eq!(heard(&all), [(2, 5), (1, 3)]);
    assert_eq!(heard(&other), []);
}

#[test]
fn who_follows_twice_hears_once() {
    let hub = hub(8);
    let mut member = member(&hub, 1);
    member.follow(task(1));
    member.follow(Scope::Everything);
    hub.publish(&processing(1, 2, 10));
    assert_eq!(heard(&member), [(1, 2)]);
    member.unfollow(Scope::Everything);
    hub.publish(&processing(1, 3, 10));
    hub.publish(&processing(2, 3, 10));
    assert_eq!(heard(&member), [(1, 3)]);
}

#[test]
fn old_news_is_none() {
    let hub = hub(8);
    let mut member = member(&hub, 1);
    member.follow(task(1));
    assert!(hub.publish(&completed(1, 5)));
    assert!(!hub.publish(&processing(1, 4, 80)));
    assert!(!hub.publish(&completed(1, 5)));
    assert_eq!(heard(&member), [(1, 5)]);
}

#[test]
fn who_left_hears_nothing() {
    let hub = hub(8);
    let mut member = member(&hub, 1);
    member.follow(task(1));
    member.follow(task(1));
    member.unfollow(task(1));
    hub.publish(&processing(1, 2, 10));
    assert_eq!(heard(&member), []);
    assert_eq!(hub.connections(), 1);
    drop(member);
    assert_eq!(hub.connections(), 0);
}

#[test]
fn a_user_has_a_bounded_number_of_streams() {
    let hub = hub(8);
    let mut streams: Vec<Membership> = (0..3).map(|_| member(&hub, 1)).collect();
    let mut fourth = hub.join(None);
    assert_eq!(fourth.enter(user_id(1)), Err(TooManyStreams));
    assert_eq!(streams[0].enter(user_id(1)), Ok(()), "who is in stays in");
    member(&hub, 2);
    streams.pop();
    assert_eq!(fourth.enter(user_id(1)), Ok(()));
}

#[test]
fn a_state_is_remembered_for_those_who_come_a_moment_later() {
    let hub = hub(8);
    hub.publish(&queued(1, 1));
    assert_eq!(hub.newest(user_id(1), task_id(1)).unwrap().task.version, 1);
    assert_eq!(hub.remembered(user_id(1)).len(), 1);
    assert!(hub.newest(user_id(1), task_id(2)).is_none());
    assert!(hub.remembered(user_id(2)).is_empty());
}

#[test]
fn memory_is_bounded_and_followed_tasks_stay() {
    let hub = hub(2);
    let mut follower = member(&hub, 0);
    let update = |number: u128| of_user(number, number, 2);
    follower.follow(task(0));
    for number in 0..1000 {
        hub.publish(&update(number));
    }
    let knows = |number: u128| hub.newest(user_id(number), task_id(number)).is_some();
    let kept = || (0..1000).filter(|number| knows(*number)).count();
    assert!(kept() <= 2 * SHARDS + 1, "{}", kept());
    assert!(knows(0));
    drop(follower);
    for number in 1000..4000 {
        hub.publish(&update(number));
    }
    assert_eq!(kept(), 0);
}

#[test]
fn a_changing_task_is_not_forgotten_for_its_old_states() {
    let mut shard = Shard::new(2);
    for update in [processing(1, 2, 10), processing(1, 3, 20), processing(1, 4, 30), processing(2, 2, 10)] {
        shard.publish(&update);
    }
    let newest = |task: TaskId| shard.feed(user_id(1)).and_then(|feed| feed.newest(task));
    assert_eq!(newest(task_id(1)).map(|newest| newest.task.version), Some(4));
}

#[test]
fn the_frontier_begins_with_the_table_and_grows_with_what_is_heard() {
    let hub = hub(8);
    let mut member = member(&hub, 1);
    member.follow(Scope::Everything);
    assert_eq!(member.must_cover(), at(0));
    hub.publish(&placed(12, &processing(1, 3, 10)));
    assert_eq!(frontiers(&member), [None], "nobody knows yet");
    assert!(hub.anchor(user_id(1), at(10)));
    hub.publish(&placed(13, &processing(1, 4, 10)));
    assert_eq!(frontiers(&member), [Some(10)], "11 is missing");
    hub.publish(&placed(11, &processing(2, 2, 10)));
    hub.publish(&placed(14, &processing(1, 5, 10)));
    assert_eq!(frontiers(&member), [Some(13), Some(14)]);
}

#[test]
fn the_sweep_closes_gaps() {
    let hub = hub(8);
    let mut member = member(&hub, 1);
    assert_eq!(hub.followed(), [], "nobody follows");
    member.follow(task(1));
    assert_eq!(hub.followed(), [], "nobody has read yet");
    hub.anchor(user_id(1), at(10));
    hub.publish(&placed(15, &processing(1, 5, 10)));
    assert_eq!(hub.followed(), [(user_id(1), at(10))]);
    hub.caught_up(user_id(1), at(14));
    assert_eq!(hub.followed(), [(user_id(1), at(15))]);
    drop(member);
    assert_eq!(hub.followed(), []);
}

#[test]
fn who_comes_later_must_read_what_was_heard_before() {
    let hub = hub(8);
    let (mut first, mut second) = (member(&hub, 1), member(&hub, 1));
    first.follow(Scope::Everything);
    assert!(hub.anchor(user_id(1), at(10)));
    hub.publish(&placed(12, &processing(1, 3, 10)));
    second.follow(task(2));
    assert_eq!(second.must_cover(), at(12));
    assert!(!hub.anchor(user_id(1), at(9)), "the frontier rests on more");
    assert!(hub.anchor(user_id(1), at(12)));
    assert_eq!(hub.followed(), [(user_id(1), at(10))], "only who reads has read it");
}

#[test]
fn what_was_read_is_not_news_when_it_is_heard_late() {
    let hub = hub(8);
    let mut member = member(&hub, 1);
    member.follow(Scope::Everything);
    hub.publish(&placed(2, &processing(1, 1, 10)));
    hub.anchor(user_id(1), at(10));
    assert_eq!(heard(&member), [(1, 1)]);
    assert!(!hub.publish(&placed(4, &processing(1, 2, 20))), "the task may have ended at 5, and the client been told");
    assert!(hub.publish(&placed(11, &processing(1, 4, 20))));
}

#[test]
fn what_was_remembered_before_anybody_followed_is_posted_when_it_comes_again() {
    for again in [placed(8, &processing(3, 2, 20)), placed(4, &processing(3, 1, 10))] {
        let hub = hub(8);
        hub.publish(&placed(8, &processing(3, 2, 20)));
        let mut member = member(&hub, 1);
        member.follow(Scope::Everything);
        assert!(!hub.publish(&again));
        assert_eq!(heard(&member), [(3, 2)]);
        assert!(!hub.publish(&again));
        assert_eq!(heard(&member), []);
    }
}

#[test]
fn what_comes_again_brings_nothing_back_to_life() {
    let hub = hub(0);
    let mut member = member(&hub, 1);
    member.follow(Scope::Everything);
    hub.anchor(user_id(1), at(10));
    // Nothing is remembered of either task.
    assert!(!hub.publish(&placed(7, &processing(1, 3, 10))), "it may have ended since");
    assert!(hub.publish(&placed(8, &completed(2, 5))), "an end that was lost and found");
    assert!(hub.publish(&placed(11, &processing(3, 3, 10))));
    assert!(hub.publish(&placed(0, &processing(4, 3, 10))), "from a sender that knows no places");
    assert_eq!(heard(&member), [(2, 5), (3, 3), (4, 3)]);
}
