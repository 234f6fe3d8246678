use rand::{rngs::StdRng, seq::SliceRandom};

/// Cards in random order, dealt again and again: chance decides when each comes, not whether.
#[derive(Debug)]
pub struct Deck<T> {
    cards: Vec<T>,
    next: usize,
    dealt: usize,
    dice: StdRng,
}

impl<T: Clone> Deck<T> {
    pub fn new(cards: impl IntoIterator<Item = T>, dice: StdRng) -> Self {
        let cards: Vec<T> = cards.into_iter().collect();
        Self { next: cards.len(), dealt: 0, cards, dice }
    }

    /// `None` from a deck without cards.
    pub fn deal(&mut self) -> Option<T> {
        if self.next == self.cards.len() {
            self.cards.shuffle(&mut self.dice);
            self.next = 0;
        }
        let card = self.cards.get(self.next).cloned()?;
        self.next += 1;
        self.dealt += 1;
        Some(card)
    }

    pub fn each_was_dealt(&self) -> bool {
        self.dealt >= self.cards.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use crate::plan::Plan;

    use super::*;

    #[test]
    fn every_card_comes_once_a_round() {
        let mut deck = Deck::new(0..10, Plan::lasting(std::time::Duration::ZERO).dice(1));
        for _ in 0..3 {
            let round: HashSet<i32> = (0..10).filter_map(|_| deck.deal()).collect();
            assert_eq!(round.len(), 10);
            assert!(deck.each_was_dealt());
        }
    }

    #[test]
    fn it_knows_when_one_is_missing() {
        let mut deck = Deck::new(0..2, Plan::lasting(std::time::Duration::ZERO).dice(1));
        deck.deal();
        assert!(!deck.each_was_dealt());
    }
}
