use proptest::prelude::*;

use super::*;
use crate::fixtures::{completed, processing};

/// The states of one task, of which some get lost, come late, or come twice.
const LAST: u64 = 6;

fn state_number(version: u64) -> Arc<Update> {
    if version == LAST { completed(1, version) } else { processing(1, version, 10) }
}

#[derive(Debug, Clone, Copy)]
enum Happening {
    Subscribes,
    /// The live queue, or the sweep, brings a version.
    Hears(u64),
    /// The table answers with a version; 0: it does not know the task yet.
    Finds(u64),
    Waits,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let happening = prop_oneof![
        2 => Just(Happening::Subscribes),
        6 => (1..=LAST).prop_map(Happening::Hears),
        3 => (0..=LAST).prop_map(Happening::Finds),
        1 => Just(Happening::Waits),
    ];
    prop::collection::vec(happening, 1..60)
}

fn versions(told: &[String]) -> Vec<u64> {
    let is_state = |effect: &&String| effect.starts_with("task");
    told.iter().filter(is_state).filter_map(|effect| effect.split_once('@')?.1.parse().ok()).collect()
}

proptest! {
    #[test]
    fn within_a_subscription_versions_only_grow_and_an_end_is_the_last(happenings in happenings()) {
        let mut story = Story::signed_in();
        let mut last = 0;
        for happening in happenings {
            let told = match happening {
                Happening::Subscribes if story.connection.reads(story.now.instant) => story.subscribes(1),
                Happening::Subscribes => continue,
                Happening::Hears(version) => story.hears(state_number(version)),
                Happening::Finds(_) if story.looks.is_empty() => continue,
                Happening::Finds(0) => story.finds(vec![Found::Nothing]),
                Happening::Finds(version) => story.finds(state(state_number(version))),
                Happening::Waits => story.waits(0.7),
            };
            for effect in &told {
                // A state that was told stands at the beginning of the subscription, or is newer than the one before. A repeated request
                // hears the same one again.
                for version in versions(std::slice::from_ref(effect)) {
                    let repeats = effect.starts_with("taskStatus") && version == last;
                    prop_assert!(version > last || repeats, "{version} after {last}: {told:?}");
                    last = version;
                }
                if effect.starts_with("UNFOLLOW") {
                    last = 0;
                }
            }
        }
    }

    #[test]
    fn the_end_is_told_whatever_came_before(before in happenings()) {
        let mut story = Story::signed_in();
        story.subscribes(1);
        story.finds(state(state_number(1)));
        let mut ends = 0;
        for happening in before {
            if let Happening::Hears(version) = happening {
                ends += versions(&story.hears(state_number(version))).iter().filter(|version| **version == LAST).count();
            }
        }
        ends += versions(&story.hears(state_number(LAST))).len();
        prop_assert_eq!(ends, 1);
    }
}
