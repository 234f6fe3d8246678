//! What happens to the provider as a whole. It is never stopped: its books are the evidence.

use anyhow::Result;
use zoetrope_testing::Simulation;

use crate::{deck::Deck, stage::Stage};

/// Seconds that something lasts, and between two.
const LASTS: std::ops::Range<f64> = 1.0..4.0;
const REST: std::ops::Range<f64> = 1.0..4.0;

/// What it does to everybody, and how it is told to.
const WEATHER: [(&str, &str); 9] = [
    (
        "answers 500 to everything",
        "[sim:submit=500 times=always][sim:poll=500 times=always][sim:content=500 times=always][sim:delete=500 times=always]",
    ),
    (
        "is overloaded and says for how long",
        "[sim:submit=503 retry_after=1 times=always][sim:poll=503 retry_after=1 times=always]\
         [sim:content=503 retry_after=1 times=always][sim:delete=503 retry_after=1 times=always]",
    ),
    (
        "limits the rate",
        "[sim:submit=429 retry_after=1 times=always][sim:poll=429 retry_after=1 times=always]\
         [sim:content=429 retry_after=1 times=always][sim:delete=429 retry_after=1 times=always]",
    ),
    ("refuses the account", "[sim:submit=401 times=always][sim:poll=401 times=always][sim:content=403 times=always]"),
    ("forgets its videos", "[sim:poll=404 times=always][sim:content=404 times=always][sim:delete=404 times=always]"),
    ("talks nonsense", "[sim:submit=malformed times=always][sim:poll=malformed times=always][sim:delete=malformed times=always]"),
    (
        "hangs up before it listens",
        "[sim:submit=cut-before times=always][sim:poll=cut times=always][sim:delete=cut-before times=always]",
    ),
    (
        "hangs up before it answers",
        "[sim:submit=cut-after times=always][sim:content=cut times=always][sim:delete=cut-after times=always]",
    ),
    ("is slow", "[sim:slow=3]"),
];

/// One kind of weather after the other; returns when the storm is over, with fair weather.
pub async fn rage(stage: &Stage<'_>, simulation: &Simulation) -> Result<()> {
    let mut dice = stage.plan.dice(30);
    let mut deck = Deck::new(WEATHER, stage.plan.dice(31));
    while stage.storm_lasts(deck.each_was_dealt()) {
        Stage::rest(&mut dice, REST).await;
        let Some((what, directives)) = deck.deal() else { break };
        stage.chronicle.say(format!("the provider {what}"));
        simulation.direct(directives).await?;
        Stage::rest(&mut dice, LASTS).await;
        simulation.direct("").await?;
    }
    stage.note_untried("weather", deck.each_was_dealt());
    Ok(())
}
