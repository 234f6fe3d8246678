use std::sync::Mutex;

use super::*;
use crate::{
    fixtures::{completed, placed, processing, queued, task_id, user_id},
    hub::{HubLimits, Membership},
    task::TaskSnapshot,
};

fn hub() -> Arc<Hub> {
    Hub::new(HubLimits { mailbox: 4, remembered: 1024, streams_per_user: 8 })
}

fn at(position: u64) -> FeedPosition {
    FeedPosition::clamped(position)
}

fn stored(update: &Update) -> Option<TaskSnapshot> {
    Some(update.task.clone())
}

fn version(found: Found) -> Option<u64> {
    match found {
        Found::State(update) => Some(update.task.version),
        Found::Nothing | Found::Unavailable => None,
    }
}

/// A page that tells of everything up to a place, with states at places.
fn page(frontier: u64, states: &[(u64, Arc<Update>)]) -> Page {
    let place = FeedPlace { frontier: at(frontier), top: at(frontier), floor: at(0) };
    let states = states.iter().map(|(position, update)| placed(*position, update).task.clone()).collect();
    Page { place, states, ends_at: None }
}

/// Answers each question with what is made of its number, and returns from where feeds were asked for.
async fn answering(mut reader: Reader, asked: &Mutex<Vec<Start>>, page: impl Fn(usize) -> Option<Page>) {
    let mut number = 0;
    while let Some(question) = reader.questions.recv().await {
        number += 1;
        let Some(page) = page(number) else { continue };
        // Who asked may not wait any more.
        match question {
            Question::Tasks(_, sender) => drop(sender.send(vec![page])),
            Question::Feed(_, start, sender) => {
                asked.lock().unwrap().push(start);
                drop(sender.send(page));
            }
        }
    }
}

/// Somebody who follows everything of user 1.
fn follower(hub: &Arc<Hub>) -> Membership {
    let mut member = hub.join(None);
    member.enter(user_id(1)).unwrap();
    member.follow(Scope::Everything);
    member
}

/// Reads for that one, and returns also from where the table was asked for.
async fn read(
    hub: &Arc<Hub>,
    scope: Scope,
    start: Start,
    page: impl Fn(usize) -> Option<Page>,
) -> (Result<Reading, Unavailable>, Vec<Start>) {
    let member = follower(hub);
    let (states, reader) = States::new(Arc::clone(hub));
    let asked = Mutex::default();
    let reading = {
        let look = Look { user: user_id(1), scope, start, must_cover: member.must_cover() };
        tokio::select! {
            reading = states.read(look) => reading,
            () = answering(reader, &asked, page) => unreachable!("it asks no more"),
        }
    };
    (reading, asked.into_inner().unwrap())
}

fn versions(reading: &Reading) -> Vec<(u128, u64)> {
    reading.states.iter().map(|update| (update.task.task_id.as_uuid().as_u128(), update.task.version)).collect()
}

#[test]
fn the_newer_of_table_and_memory_counts() {
    let (old, new) = (processing(1, 2, 10), completed(1, 5));
    let newest = merge::newest;
    assert_eq!(version(newest(Ok(stored(&old)), Some(Arc::clone(&new)))), Some(5));
    assert_eq!(version(newest(Ok(stored(&new)), Some(Arc::clone(&old)))), Some(5));
    assert_eq!(version(newest(Ok(stored(&old)), None)), Some(2));
    assert_eq!(version(newest(Ok(None), Some(Arc::clone(&old)))), Some(2));
    assert_eq!(version(newest(Err(&Unavailable), Some(old))), Some(2), "while the table is away");
    assert!(matches!(newest(Err(&Unavailable), None), Found::Unavailable));
    assert!(matches!(newest(Ok(None), None), Found::Nothing));
}

#[tokio::test]
async fn each_question_gets_its_own_tasks_in_order() {
    let (states, mut reader) = States::new(hub());
    let answering = async {
        let Some(Question::Tasks(tasks, sender)) = reader.questions.recv().await else { panic!("no question") };
        assert_eq!(tasks, [(user_id(1), task_id(2)), (user_id(1), task_id(1))]);
        sender.send(vec![Page::default(), page(3, &[(3, processing(1, 3, 10))])]).unwrap();
    };
    let (found, ()) = tokio::join!(states.of(user_id(1), vec![task_id(2), task_id(1)]), answering);
    assert!(matches!(&found[..], [Found::Nothing, Found::State(update)] if update.task.version == 3));
}

#[tokio::test]
async fn a_reader_that_cannot_read_leaves_memory() {
    let hub = hub();
    hub.publish(&processing(1, 4, 10));
    let (states, mut reader) = States::new(hub);
    let failing = async { drop(reader.questions.recv().await) };
    let (found, ()) = tokio::join!(states.of(user_id(1), vec![task_id(1), task_id(2)]), failing);
    assert!(matches!(&found[..], [Found::State(update), Found::Unavailable] if update.task.version == 4));
}

#[tokio::test(start_paused = true)]
async fn a_slow_table_counts_as_away() {
    let (states, _reader) = States::new(hub());
    assert!(matches!(states.of(user_id(1), vec![task_id(1)]).await[..], [Found::Unavailable]));
    assert_eq!(read(&hub(), Scope::Everything, Start::Present, |_| None).await.0.unwrap_err(), Unavailable);
}

#[tokio::test(start_paused = true)]
async fn the_present_is_as_new_as_anything_heard() {
    let hub = hub();
    for update in [completed(1, 5), queued(3, 1), completed(4, 9)] {
        hub.publish(&placed(20, &update));
    }
    let stored = [(3, processing(1, 4, 90)), (9, processing(2, 2, 10))];
    let (reading, asked) = read(&hub, Scope::Everything, Start::Present, |_| Some(page(9, &stored))).await;
    let reading = reading.unwrap();
    assert_eq!(asked, [Start::Present]);
    assert_eq!((reading.kind, reading.upto, reading.covers, reading.more), (ReadingKind::Present, at(9), true, false));
    assert_eq!(versions(&reading)[0], (2, 2), "in the order of places");
    assert_eq!(versions(&reading).len(), 3, "and nothing of what had ended before: {reading:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_missed_is_read_from_where_the_client_stands() {
    let hub = hub();
    hub.publish(&placed(4, &completed(8, 5)));
    hub.publish(&placed(12, &completed(9, 5)));
    let stored = [(6, completed(1, 4)), (9, processing(2, 2, 10))];
    let start = Start::After(at(5));
    let (reading, asked) = read(&hub, Scope::Everything, start, |_| Some(page(9, &stored))).await;
    let reading = reading.unwrap();
    assert_eq!(asked, [start]);
    assert_eq!((reading.kind, reading.upto), (ReadingKind::Missed, at(9)));
    assert_eq!(versions(&reading), [(1, 4), (2, 2), (9, 5)]);
}

#[tokio::test(start_paused = true)]
async fn a_full_page_ends_where_it_ends() {
    let hub = hub();
    hub.publish(&placed(12, &completed(9, 5)));
    let full = |_| Some(Page { ends_at: Some(at(6)), ..page(9, &[(6, completed(1, 4))]) });
    let (reading, asked) = read(&hub, Scope::Everything, Start::After(at(5)), full).await;
    let reading = reading.unwrap();
    assert_eq!(asked.len(), 1);
    assert_eq!((reading.upto, reading.more, reading.covers), (at(6), true, false));
    assert_eq!(versions(&reading), [(1, 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_seen_more_than_the_table_is_waited_for_and_then_begins_anew() {
    let start = Start::After(at(12));
    let late = |number| Some(page(if number < 3 { 9 } else { 12 }, &[]));
    let (reading, asked) = read(&hub(), Scope::Everything, start, late).await;
    assert_eq!((reading.unwrap().kind, asked), (ReadingKind::Missed, vec![start; 3]));

    let (reading, asked) = read(&hub(), Scope::Everything, start, |_| Some(page(9, &[]))).await;
    assert_eq!((reading.unwrap().kind, asked.last()), (ReadingKind::Resync, Some(&Start::Unknown)));
    let (reading, _) = read(&hub(), Scope::Task(task_id(1)), start, |_| Some(page(9, &[(3, completed(1, 4))]))).await;
    assert_eq!(reading.unwrap().kind, ReadingKind::Resync);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_and_what_nobody_understands_begins_anew() {
    let pruned = |_| {
        let mut page = page(9, &[(9, completed(1, 4))]);
        page.place.floor = at(5);
        Some(page)
    };
    for (start, kind) in [
        (Start::After(at(5)), ReadingKind::Missed),
        (Start::After(at(4)), ReadingKind::Resync),
        (Start::Unknown, ReadingKind::Resync),
        (Start::Present, ReadingKind::Present),
    ] {
        for scope in [Scope::Everything, Scope::Task(task_id(1))] {
            let (reading, _) = read(&hub(), scope, start, pruned).await;
            assert_eq!(reading.unwrap().kind, kind, "{start:?} {scope:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_lags_behind_what_was_heard_is_made_again() {
    let hub = hub();
    let _other = follower(&hub);
    hub.anchor(user_id(1), at(9));
    hub.publish(&placed(11, &processing(1, 4, 10)));
    let lagging = |number| Some(page(if number < 3 { 9 } else { 11 }, &[]));
    let (reading, asked) = read(&hub, Scope::Everything, Start::Present, lagging).await;
    assert_eq!((reading.unwrap().covers, asked.len()), (true, 3));
    let (reading, _) = read(&hub, Scope::Everything, Start::Present, |_| Some(page(10, &[]))).await;
    assert!(!reading.unwrap().covers, "but not for ever");
}
