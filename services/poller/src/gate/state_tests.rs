use super::*;
use crate::gate::BreakerRules;

const SECOND: Duration = Duration::from_secs(1);

fn state(requests_per_second: Option<f64>) -> (State, Instant) {
    let breaker = BreakerRules { min_calls: 1, failure_ratio: 0.5, open_for: SECOND };
    let now = Instant::now();
    (State::new(&Limits { requests_per_second, breaker }, now), now)
}

fn question(state: &mut State, now: Instant, wanted: usize) -> Question {
    match state.ask(now, wanted) {
        Next::Ask(question) => question,
        Next::Decided(decision) => panic!("{decision:?} without asking"),
    }
}

/// Asks where nobody answers.
fn alone(state: &mut State, now: Instant, wanted: usize) -> Decision {
    let question = question(state, now, wanted);
    state.decide(now, &question, None).0
}

fn granted(granted: usize) -> Facts {
    let (wait, pause) = (Duration::ZERO, Duration::ZERO);
    Facts { granted, wait, pause, strikes: 0, breaker: Shared::Closed, probe: false }
}

/// A call that fails, and what follows.
fn fail(state: &mut State, now: Instant) -> News {
    let probe = state.begin(now);
    state.end(probe, now, now, Verdict::Failed { about: None }, 0.0)
}

#[test]
fn without_a_rate_the_others_are_asked_now_and_then() {
    let (mut state, now) = state(None);
    let first = question(&mut state, now, 70);
    assert_eq!((first.rate, first.owed), (None, 0));
    assert_eq!(state.decide(now, &first, Some(granted(70))).0, Decision::Pass(70));
    assert_eq!(state.ask(now + FRESH / 2, 500), Next::Decided(Decision::Pass(500)));
    question(&mut state, now + FRESH, 500);
}

#[test]
fn who_changes_sides_begins_with_an_empty_budget() {
    let (mut state, now) = state(Some(10.0));
    let together = question(&mut state, now, 10);
    assert!(!together.empty);
    assert_eq!(state.decide(now, &together, Some(granted(10))).0, Decision::Pass(10));
    assert!(matches!(alone(&mut state, now, 10), Decision::Wait(_, Reason::Budget)));
    assert_eq!(alone(&mut state, now + SECOND / 2, 10), Decision::Pass(5));
    assert!(question(&mut state, now + SECOND, 10).empty);
}

#[test]
fn alone_it_keeps_to_its_share() {
    let (mut state, now) = state(Some(10.0));
    state.share(5);
    assert_eq!(alone(&mut state, now, 10), Decision::Pass(2));
    assert_eq!(alone(&mut state, now, 10), Decision::Wait(SECOND / 2, Reason::Budget));
    assert_eq!(state.give_back(now, 1), Return { leave: None, probe: false });
    assert_eq!(alone(&mut state, now, 10), Decision::Pass(1));
}

#[test]
fn what_was_spent_is_paid_once() {
    let (mut state, now) = state(Some(10.0));
    state.spend(3);
    let asked = question(&mut state, now, 10);
    assert_eq!(asked.owed, 3);
    assert_eq!(question(&mut state, now, 10).owed, 0, "the question that is under way pays");
    assert_eq!(state.decide(now, &asked, None).0, Decision::Pass(7), "Redis did not hear of it");
    assert_eq!(question(&mut state, now, 10).owed, 0);
}

#[test]
fn leave_goes_back_to_where_it_came_from() {
    let (mut state, now) = state(Some(10.0));
    let asked = question(&mut state, now, 10);
    state.decide(now, &asked, Some(granted(10)));
    assert_eq!(state.give_back(now, 4), Return { leave: Some((4, Rate::new(10.0))), probe: false });
}

#[test]
fn a_pause_that_came_meanwhile_counts() {
    let (mut state, now) = state(None);
    let asked = question(&mut state, now, 10);
    let call = state.begin(now);
    let refused = Verdict::Refused { retry_after: Some(7 * SECOND) };
    let news = state.end(call, now, now, refused, 0.0);
    assert!(news.turn.is_none() && news.paused.is_some_and(|paused| paused.begins));
    assert_eq!(state.decide(now, &asked, Some(granted(10))).0, Decision::Wait(7 * SECOND, Reason::Pause));
    assert_eq!(state.ask(now + SECOND, 1), Next::Decided(Decision::Wait(6 * SECOND, Reason::Pause)));
    assert!(state.is_pause_news(now));
    assert_eq!(state.pause_left(now), Some((7 * SECOND, 0)));
}

#[test]
fn alone_it_sends_one_probe() {
    let (mut state, now) = state(None);
    assert!(fail(&mut state, now).turn.is_some());
    state.turn_told(state.turn(), false, now);
    assert_eq!(state.ask(now, 70), Next::Decided(Decision::Wait(SECOND, Reason::Breaker)));
    let later = now + SECOND;
    assert_eq!(alone(&mut state, later, 70), Decision::Wait(PROBE_WAIT, Reason::Probe), "Redis may have hiccups");
    let later = later + HICCUP;
    assert_eq!(alone(&mut state, later, 70), Decision::Pass(1));
    assert!(matches!(alone(&mut state, later, 70), Decision::Wait(_, Reason::Probe)));
    let probe = state.begin(later);
    assert_eq!(state.end(probe, later, later, Verdict::Answered, 0.0).turn, Some(Turn::Closed));
    assert_eq!(state.figures(later), (true, 0));
    assert_eq!(alone(&mut state, later + FRESH, 70), Decision::Pass(70));
}

#[test]
fn together_one_process_has_the_probe() {
    let (mut state, now) = state(Some(100.0));
    fail(&mut state, now);
    state.turn_told(state.turn(), true, now);
    let (later, breaker) = (now + SECOND, Shared::HalfOpen { trips: 1 });
    let asked = question(&mut state, later, 70);
    let elsewhere = Facts { breaker, ..granted(0) };
    assert!(matches!(state.decide(later, &asked, Some(elsewhere)).0, Decision::Wait(_, Reason::Probe)));
    let asked = question(&mut state, later, 70);
    let no_budget = Facts { wait: SECOND, ..elsewhere };
    assert_eq!(state.decide(later, &asked, Some(no_budget)).0, Decision::Wait(SECOND, Reason::Budget));
    let asked = question(&mut state, later, 70);
    assert!(!asked.probing);
    let ours = Facts { granted: 1, probe: true, ..elsewhere };
    assert_eq!(state.decide(later, &asked, Some(ours)).0, Decision::Pass(1));
    assert!(question(&mut state, later, 70).probing, "it holds on to the probe");
    assert!(state.give_back(later, 1).probe);
}
