use std::collections::HashMap;

use crate::{
    client::Client,
    hearing::{Ending, Told},
    journal::Wrong,
};

/// What GET showed a user last, of each task.
#[derive(Debug, Default)]
pub struct Eyes(HashMap<String, Told>);

impl Eyes {
    /// Whenever a client hears a state, an immediate GET shows that state or a later one. Returns the end that was heard and looked up.
    pub async fn check(&mut self, client: &Client<'_>, video_id: &str, heard: Told) -> Option<Ending> {
        let journal = &client.stage.journal;
        let row = client.task(video_id).await?;
        let Some(shown) = Told::of(&row) else {
            journal.complain(Wrong::BadAnswer, format!("show: {row}"));
            return None;
        };
        journal.count(|counts| counts.heard += 1);
        if !shown.may_follow(heard) {
            journal.complain(Wrong::HeardNotShown, format!("{video_id}: heard {heard}, GET shows {shown}"));
        }
        if let Some(before) = self.0.insert(video_id.to_owned(), shown).filter(|before| !shown.may_follow(*before)) {
            journal.complain(Wrong::RanBackwards, format!("{video_id}: GET showed {before}, then {shown}"));
        }
        let ending = heard.ending()?;
        journal.learnt(video_id, ending);
        Some(ending)
    }
}
