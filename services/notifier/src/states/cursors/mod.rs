//! Whatever happens to messages and connections, a client that resumes from the last id that it has seen knows in the end how everything
//! is that it follows.

mod table;
mod world;

use proptest::prelude::*;

use self::world::World;
use crate::{fixtures::task_id, stream::Scope};

const TASKS: u128 = 3;
const REPLICAS: usize = 2;

#[derive(Debug, Clone, Copy)]
pub enum Happening {
    /// A task changes, or ends.
    Changes(u128, bool),
    /// One of the messages that the table has not heard reaches it; perhaps it comes again.
    Stored(usize, bool),
    /// The same for the own queue of a replica.
    Heard(usize, usize, bool),
    /// The own queue of a replica loses a message.
    Lost(usize, usize),
    Sweeps(usize),
    /// The client is told so many posts of those that wait, and the others if it does not go away.
    Told(usize, bool),
    /// A reading is answered, and the client told so many events of it. Perhaps the table is not waited for.
    Read(usize, bool, bool),
    /// A client that is away comes back.
    Connects(usize),
    /// What has ended is forgotten.
    Pruned,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let (message, replica, events) = (0..64_usize, 0..REPLICAS, 0..4_usize);
    let (goes, rarely) = (prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    let happening = prop_oneof![
        8 => (1..=TASKS, rarely).prop_map(|(task, ends)| Happening::Changes(task, ends)),
        8 => (message.clone(), rarely).prop_map(|(message, again)| Happening::Stored(message, again)),
        10 => (replica.clone(), message.clone(), rarely)
            .prop_map(|(replica, message, again)| Happening::Heard(replica, message, again)),
        1 => (replica.clone(), message).prop_map(|(replica, message)| Happening::Lost(replica, message)),
        2 => replica.clone().prop_map(Happening::Sweeps),
        6 => (events.clone(), goes).prop_map(|(events, goes)| Happening::Told(events, goes)),
        6 => (events, rarely, rarely).prop_map(|(events, goes, hurry)| Happening::Read(events, goes, hurry)),
        3 => replica.prop_map(Happening::Connects),
        1 => Just(Happening::Pruned),
    ];
    prop::collection::vec(happening, 1..150)
}

fn play(scopes: Vec<Scope>, happenings: Vec<Happening>) -> Result<(), TestCaseError> {
    let mut world = World::new(scopes);
    for happening in happenings {
        world.happens(happening);
    }
    world.settles();
    world.check()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn everything_is_known_in_the_end(happenings in happenings()) {
        play(vec![Scope::Everything], happenings)?;
    }

    #[test]
    fn tasks_that_are_followed_are_known_in_the_end(happenings in happenings()) {
        play(vec![Scope::Task(task_id(1)), Scope::Task(task_id(2))], happenings)?;
    }
}
