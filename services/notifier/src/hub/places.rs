use std::ops::RangeInclusive;

use zoetrope_domain::FeedPosition;

/// Places in a feed of which was heard, in whatever order: ranges that neither overlap nor touch, lowest first. Mostly it is one.
#[derive(Debug, Default)]
pub struct Places(Vec<RangeInclusive<u64>>);

impl Places {
    pub fn add(&mut self, position: FeedPosition) {
        if position.is_known() {
            self.insert(position.get(), position.get());
        }
    }

    /// Adds all places up to this one.
    pub fn add_all_up_to(&mut self, position: FeedPosition) {
        if position.is_known() {
            self.insert(1, position.get());
        }
    }

    pub fn contain(&self, position: FeedPosition) -> bool {
        self.0.iter().any(|range| range.contains(&position.get()))
    }

    /// The place up to which nothing is missing.
    pub fn frontier(&self) -> FeedPosition {
        let first = self.0.first().filter(|range| *range.start() == 1);
        first.map_or(FeedPosition::START, |range| FeedPosition::clamped(*range.end()))
    }

    pub fn top(&self) -> FeedPosition {
        self.0.last().map_or(FeedPosition::START, |range| FeedPosition::clamped(*range.end()))
    }

    fn insert(&mut self, from: u64, to: u64) {
        // Places stay far below the largest number, so their neighbours exist.
        let begin = self.0.partition_point(|range| *range.end() + 1 < from);
        let end = self.0.partition_point(|range| *range.start() <= to + 1);
        let merged = self.0[begin..end].iter().fold(from..=to, |merged, range| {
            let start = *merged.start().min(range.start());
            let end = *merged.end().max(range.end());
            start..=end
        });
        self.0.splice(begin..end, [merged]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn at(position: u64) -> FeedPosition {
        FeedPosition::clamped(position)
    }

    #[test]
    fn what_comes_out_of_order_is_complete_in_the_end() {
        let mut places = Places::default();
        assert_eq!((places.frontier(), places.top()), (at(0), at(0)));
        for (position, frontier) in [(3, 0), (1, 1), (1, 1), (5, 1), (2, 3), (4, 5)] {
            places.add(at(position));
            assert_eq!(places.frontier(), at(frontier), "after {position}");
        }
        assert_eq!(places.top(), at(5));
        places.add_all_up_to(at(9));
        places.add(at(0));
        assert_eq!((places.frontier(), places.top()), (at(9), at(9)));
    }

    proptest! {
        #[test]
        fn it_is_a_set(ranges in prop::collection::vec((1..60_u64, any::<bool>()), 0..60)) {
            let (mut places, mut model) = (Places::default(), BTreeSet::new());
            for (position, all) in ranges {
                if all && position % 4 == 0 {
                    places.add_all_up_to(at(position));
                    model.extend(1..=position);
                } else {
                    places.add(at(position));
                    model.insert(position);
                }
                let frontier = (1..).take_while(|position| model.contains(position)).last().unwrap_or(0);
                prop_assert_eq!(places.frontier(), at(frontier));
                prop_assert_eq!(places.top(), at(*model.last().unwrap_or(&0)));
                prop_assert!((1..=60).all(|position| places.contain(at(position)) == model.contains(&position)));
                prop_assert!(places.0.windows(2).all(|pair| *pair[0].end() + 1 < *pair[1].start()));
            }
        }
    }
}
