use super::*;
use crate::{
    fixtures::{completed, processing, task_id, user_id},
    hub::HubLimits,
};

fn hub() -> Arc<Hub> {
    Hub::new(HubLimits { mailbox: 4, remembered: 1024 })
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

#[test]
fn the_newer_of_table_and_memory_counts() {
    let (old, new) = (processing(1, 2, 10), completed(1, 5));
    assert_eq!(version(newest(Ok(stored(&old)), Some(Arc::clone(&new)))), Some(5));
    assert_eq!(version(newest(Ok(stored(&new)), Some(Arc::clone(&old)))), Some(5));
    assert_eq!(version(newest(Ok(stored(&old)), None)), Some(2));
    assert_eq!(version(newest(Ok(None), Some(old))), Some(2));
}

#[test]
fn memory_answers_while_the_table_is_away() {
    assert_eq!(version(newest(Err(&Unavailable), Some(processing(1, 2, 10)))), Some(2));
    assert!(matches!(newest(Err(&Unavailable), None), Found::Unavailable));
    assert!(matches!(newest(Ok(None), None), Found::Nothing));
}

#[tokio::test]
async fn each_question_gets_its_own_tasks_in_order() {
    let (states, mut reader) = States::new(hub());
    let answering = async {
        let Some(Question::Tasks(tasks, sender)) = reader.questions.recv().await else { panic!("no question") };
        assert_eq!(tasks, [task_id(2), task_id(1)]);
        sender.send(HashMap::from([(task_id(1), processing(1, 3, 10).task.clone())])).unwrap();
    };
    let wanted = [task_id(2), task_id(1)];
    let (found, ()) = tokio::join!(states.of(&wanted), answering);
    assert!(matches!(&found[..], [Found::Nothing, Found::State(update)] if update.task.version == 3));
}

#[tokio::test]
async fn a_reader_that_cannot_read_leaves_memory() {
    let hub = hub();
    hub.publish(&processing(1, 4, 10));
    let (states, mut reader) = States::new(hub);
    let failing = async { drop(reader.questions.recv().await) };
    let wanted = [task_id(1), task_id(2)];
    let (found, ()) = tokio::join!(states.of(&wanted), failing);
    assert!(matches!(&found[..], [Found::State(update), Found::Unavailable] if update.task.version == 4));
}

#[tokio::test(start_paused = true)]
async fn a_slow_table_counts_as_away() {
    let (states, _reader) = States::new(hub());
    assert!(matches!(states.of(&[task_id(1)]).await[..], [Found::Unavailable]));
}

#[tokio::test]
async fn running_tasks_are_as_new_as_anything_heard() {
    let hub = hub();
    hub.publish(&completed(1, 5));
    let (states, mut reader) = States::new(hub);
    let answering = async {
        let Some(Question::OpenOf(user, sender)) = reader.questions.recv().await else { panic!("no question") };
        assert_eq!(user, user_id(1));
        sender.send(vec![processing(1, 4, 90).task.clone(), processing(2, 2, 10).task.clone()]).unwrap();
    };
    let (open, ()) = tokio::join!(states.open_of(user_id(1)), answering);
    let versions: Vec<u64> = open.unwrap().iter().map(|update| update.task.version).collect();
    assert_eq!(versions, [5, 2]);
}
