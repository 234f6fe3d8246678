use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const RULES: BreakerRules = BreakerRules { min_calls: 10, failure_ratio: 0.5, open_for: Duration::from_secs(5) };

fn breaker() -> (Breaker, Instant) {
    let now = Instant::now();
    (Breaker::new(RULES, now), now)
}

/// A breaker that the failures of ten jobs opened, for five seconds.
fn open() -> (Breaker, Instant) {
    let (mut breaker, now) = breaker();
    for job in 0..9 {
        assert_eq!(fail(&mut breaker, now, job), None);
    }
    assert_eq!(fail(&mut breaker, now, 9), Some(Turn::Opened { wait: 5 * SECOND, trips: 1, first: true }));
    (breaker, now)
}

fn fail(breaker: &mut Breaker, now: Instant, job: u64) -> Option<Turn> {
    let probe = breaker.begin(now);
    breaker.end(probe, now, now, Some(Some(job)), 0.0)
}

fn succeed(breaker: &mut Breaker, now: Instant) -> Option<Turn> {
    let probe = breaker.begin(now);
    breaker.end(probe, now, now, None, 0.0)
}

#[test]
fn failures_open_it_and_a_probe_closes_it() {
    let (mut breaker, now) = open();
    assert_eq!(breaker.passage(now + SECOND), Passage::Nothing(4 * SECOND));
    let later = now + 5 * SECOND;
    assert_eq!((breaker.passage(later), breaker.level()), (Passage::Probe, 1));
    breaker.grant_probe(later);
    assert!(matches!(breaker.passage(later), Passage::AfterProbe(_)));
    assert_eq!(succeed(&mut breaker, later), Some(Turn::Closed));
    assert_eq!((breaker.passage(later), breaker.level()), (Passage::All, 0));
}

#[test]
fn every_probe_that_fails_doubles_the_time() {
    let (mut breaker, mut now) = open();
    now += 5 * SECOND;
    for (trips, seconds) in [(2, 10), (3, 20), (4, 40), (5, 60), (6, 60)] {
        assert_eq!(breaker.passage(now), Passage::Probe);
        breaker.grant_probe(now);
        let wait = seconds * SECOND;
        assert_eq!(fail(&mut breaker, now, 1), Some(Turn::Opened { wait, trips, first: false }));
        now += wait;
    }
    assert_eq!(breaker.passage(now), Passage::Probe);
    breaker.grant_probe(now);
    assert_eq!(succeed(&mut breaker, now), Some(Turn::Closed));
    for job in 0..9 {
        assert_eq!(fail(&mut breaker, now, job), None, "the calls before do not count any more");
    }
    assert_eq!(fail(&mut breaker, now, 9), Some(Turn::Opened { wait: 5 * SECOND, trips: 1, first: true }));
}

#[test]
fn a_job_that_always_fails_does_not_open_it() {
    let (mut breaker, now) = breaker();
    for _ in 0..1000 {
        assert_eq!(fail(&mut breaker, now, 7), None);
    }
    assert_eq!(breaker.passage(now), Passage::All);
}

#[test]
fn only_the_probe_decides_whether_it_closes() {
    let (mut breaker, now) = breaker();
    let stragglers = [breaker.begin(now), breaker.begin(now)];
    for job in 0..10 {
        fail(&mut breaker, now, job);
    }
    let later = now + 5 * SECOND;
    assert_eq!(breaker.passage(later), Passage::Probe);
    breaker.grant_probe(later);
    let probe = breaker.begin(later);
    let stranger = breaker.begin(later);
    assert!(probe.is_some() && stranger.is_none());
    for call in stragglers {
        assert_eq!(breaker.end(call, now, later, Some(None), 0.0), None);
        assert_eq!(breaker.end(call, now, later, None, 0.0), None);
    }
    assert_eq!(breaker.end(stranger, later, later, None, 0.0), None);
    assert_eq!(breaker.end(probe, later, later, None, 0.0), Some(Turn::Closed));
    for _ in 0..100 {
        assert_eq!(breaker.end(None, now, later, Some(None), 0.0), None, "a call of the sick days says nothing new");
    }
}

#[test]
fn a_probe_that_comes_to_nothing_makes_room_for_another() {
    let (mut breaker, now) = open();
    let later = now + 5 * SECOND;
    assert_eq!(breaker.passage(later), Passage::Probe);
    breaker.grant_probe(later);
    assert!(breaker.withdraw_probe());
    assert!(!breaker.withdraw_probe());
    assert_eq!(breaker.passage(later), Passage::Probe);

    breaker.grant_probe(later);
    let call = breaker.begin(later);
    breaker.abandon(call);
    assert_eq!(breaker.passage(later), Passage::Probe);

    breaker.grant_probe(later);
    assert!(matches!(breaker.passage(later + PROBE_START), Passage::AfterProbe(_)));
    assert_eq!(breaker.passage(later + 2 * PROBE_START), Passage::Probe, "nothing ever began");
}

#[test]
fn what_the_others_know_is_followed() {
    let (mut breaker, now) = breaker();
    let opened = breaker.hear(Shared::Open { rest: 3 * SECOND, trips: 2 }, now, now);
    assert_eq!(opened, Some(Turn::Opened { wait: 3 * SECOND, trips: 2, first: true }));
    assert_eq!(breaker.hear(Shared::Open { rest: 2 * SECOND, trips: 2 }, now, now), None);
    assert_eq!(breaker.passage(now), Passage::Nothing(3 * SECOND));
    let later = now + 3 * SECOND;
    assert_eq!(breaker.passage(later), Passage::Probe);
    assert_eq!(breaker.hear(Shared::HalfOpen { trips: 2 }, later, later), None);
    assert_eq!(breaker.hear(Shared::Closed, later, later), Some(Turn::Closed));
    assert_eq!(breaker.passage(later), Passage::All);
    assert!(breaker.hear(Shared::HalfOpen { trips: 1 }, later, later).is_some());
    assert_eq!(breaker.passage(later), Passage::Probe);
}

#[test]
fn old_news_does_not_undo_a_turn() {
    let (mut breaker, now) = open();
    let later = now + 5 * SECOND;
    assert_eq!(breaker.passage(later), Passage::Probe);
    assert_eq!(breaker.hear(Shared::Closed, later, later), None, "they have not heard yet");
    breaker.told(breaker.turn() - 1, true, later);
    assert_eq!(breaker.hear(Shared::Closed, later, later), None, "they heard of another turn");
    breaker.told(breaker.turn(), true, later);
    assert_eq!(breaker.hear(Shared::Closed, now, later), None, "asked before they heard");
    assert_eq!(breaker.passage(later), Passage::Probe);
    assert_eq!(breaker.hear(Shared::Closed, later, later), Some(Turn::Closed));
}

#[test]
fn others_who_could_not_be_told_do_not_close_it() {
    let (mut breaker, now) = open();
    breaker.told(breaker.turn(), false, now);
    let later = now + 5 * SECOND;
    assert!(breaker.is_alone());
    assert_eq!(breaker.passage(later), Passage::Probe);
    assert_eq!(breaker.hear(Shared::Closed, later, later), None);
    assert_eq!(breaker.passage(later), Passage::Probe);
    assert_eq!(breaker.hear(Shared::Open { rest: SECOND, trips: 1 }, later, later), None);
    assert_eq!(breaker.passage(later), Passage::Nothing(SECOND));
    assert!(!breaker.is_alone());
}

#[derive(Debug, Clone)]
enum Step {
    Ask,
    Begin,
    End { call: usize, failed: Option<u64> },
    Abandon(usize),
    GiveBack,
    Hear(Shared),
    Told(bool),
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let failed = prop::option::weighted(0.7, 0u64..20);
    let rest = (0u64..60_000).prop_map(Duration::from_millis);
    let shared = prop_oneof![
        Just(Shared::Closed),
        (1u32..9).prop_map(|trips| Shared::HalfOpen { trips }),
        (rest, 1u32..9).prop_map(|(rest, trips)| Shared::Open { rest, trips }),
    ];
    let step = prop_oneof![
        6 => Just(Step::Ask),
        6 => Just(Step::Begin),
        9 => (0usize..40, failed).prop_map(|(call, failed)| Step::End { call, failed }),
        1 => (0usize..40).prop_map(Step::Abandon),
        1 => Just(Step::GiveBack),
        1 => shared.prop_map(Step::Hear),
        2 => any::<bool>().prop_map(Step::Told),
    ];
    prop::collection::vec((prop_oneof![Just(0), 0u64..2_000, 0u64..30_000], step), 1..200)
}

proptest! {
    #[test]
    fn nothing_passes_while_it_is_open_and_one_at_a_time_before_it_closes(steps in steps(), jitter in 0.0..=1.0) {
        let (mut breaker, mut now) = breaker();
        let mut calls: Vec<(Option<u64>, Instant)> = Vec::new();
        for (millis, step) in steps {
            now += Duration::from_millis(millis);
            let before = breaker.passage(now);
            match step {
                Step::Ask => match before {
                    Passage::Probe => breaker.grant_probe(now),
                    Passage::Nothing(wait) => prop_assert!(!wait.is_zero() && wait <= LONGEST),
                    Passage::All | Passage::AfterProbe(_) => {}
                },
                Step::Begin => {
                    let probe = breaker.begin(now);
                    prop_assert!(probe.is_none() || matches!(before, Passage::AfterProbe(_)));
                    calls.push((probe, now));
                }
                Step::End { call, failed } if !calls.is_empty() => {
                    let (probe, began) = calls.swap_remove(call % calls.len());
                    let turn = breaker.end(probe, began, now, failed.map(Some), jitter);
                    match turn {
                        Some(Turn::Closed) => prop_assert!(probe.is_some() && failed.is_none()),
                        Some(Turn::Opened { first, .. }) => prop_assert!(failed.is_some() && first == (before == Passage::All)),
                        None => prop_assert_eq!(breaker.passage(now), before),
                    }
                }
                Step::Abandon(call) if !calls.is_empty() => breaker.abandon(calls.swap_remove(call % calls.len()).0),
                Step::GiveBack => {
                    breaker.withdraw_probe();
                }
                Step::Hear(shared) => {
                    breaker.hear(shared, now, now);
                    if let (Passage::Nothing(before), Passage::Nothing(after)) = (before, breaker.passage(now)) {
                        prop_assert!(after >= before, "an opening was shortened");
                    }
                    prop_assert!(!matches!(before, Passage::Nothing(_)) || breaker.level() == 2);
                }
                Step::Told(heard) => {
                    breaker.told(breaker.turn(), heard, now);
                }
                Step::End { .. } | Step::Abandon(_) => {}
            }
        }
    }
}
