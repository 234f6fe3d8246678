//! Several gates on a real Redis, which `scripts/test` starts and names in `ZOETROPE_TEST_REDIS_URL`.

use futures_util::future::join_all;
use uuid::Uuid;
use zoetrope_redis::RedisSettings;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(30);

fn limits(requests_per_second: Option<f64>) -> Limits {
    let breaker = BreakerRules { min_calls: 1, failure_ratio: 0.5, open_for: SECOND };
    Limits { requests_per_second, breaker }
}

/// So many processes with one account.
fn gates<const N: usize>(requests_per_second: Option<f64>) -> [Gate; N] {
    let url =
        std::env::var("ZOETROPE_TEST_REDIS_URL").expect("ZOETROPE_TEST_REDIS_URL is not set: run the tests with scripts/test");
    let settings = RedisSettings { url: url.into(), key_prefix: format!("{}:", Uuid::new_v4()) };
    std::array::from_fn(|_| Gate::new("account", limits(requests_per_second), Redis::connect(&settings).unwrap()))
}

async fn granted(gate: &Gate, wanted: usize) -> usize {
    match gate.take(wanted).await {
        Leave::Granted(granted) => granted,
        Leave::NotBefore(_) => 0,
    }
}

/// Asks until leave is given, as patiently as it is told to.
async fn patiently(gate: &Gate, wanted: usize) -> usize {
    let start = Instant::now();
    loop {
        match gate.take(wanted).await {
            Leave::Granted(granted) => return granted,
            Leave::NotBefore(wait) => tokio::time::sleep(wait).await,
        }
        assert!(start.elapsed() < LONG, "no leave");
    }
}

/// Asks until leave is refused for this time at the least.
async fn until_closed(gate: &Gate, at_least: Duration) {
    let start = Instant::now();
    while !matches!(gate.take(1).await, Leave::NotBefore(wait) if wait >= at_least) {
        assert!(start.elapsed() < LONG, "it stays open");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks until all of a few requests may pass. What is asked before Redis has heard of it may still get leave for a probe.
async fn until_open(gate: &Gate) {
    let start = Instant::now();
    while patiently(gate, 7).await < 7 {
        assert!(start.elapsed() < LONG, "it lets only probes pass");
    }
}

fn fail(gate: &Gate) {
    gate.begin().end(Verdict::Failed { about: None });
}

/// What the rate has brought since then, and a little for what the clocks round.
fn brought(rate: usize, start: Instant) -> usize {
    start.elapsed().as_millis() as usize * rate / 1000 + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_share_one_budget_to_the_request() {
    let (start, gates) = (Instant::now(), gates::<2>(Some(20.0)));
    let taken: Vec<usize> = join_all(gates.iter().map(|gate| granted(gate, 15))).await;
    let total: usize = taken.iter().sum();
    assert!(total >= 20 && total <= 20 + brought(20, start), "{taken:?}");

    // However they go on, together they get no more than the rate.
    let mut takers: Vec<usize> = vec![total];
    while takers.iter().sum::<usize>() < 60 {
        takers.extend(join_all(gates.iter().map(|gate| patiently(gate, 7))).await);
    }
    let total = takers.iter().sum::<usize>();
    assert!(total <= 20 + brought(20, start), "{total} in {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_gives_back_or_overspends_the_others_notice() {
    let [a, b] = gates(Some(50.0));
    let start = Instant::now();
    let taken = granted(&a, 50).await;
    assert!(taken >= 50);
    a.give_back(30).await;
    let rest = granted(&b, 100).await;
    assert!(rest >= 30 && rest <= 30 + brought(50, start), "{rest}");

    a.spend(40);
    let next = patiently(&a, 1).await + patiently(&b, 1).await;
    let made = taken - 30 + rest + 40 + next;
    assert!(made <= 50 + brought(50, start), "{made} in {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_at_one_closes_all() {
    for rate in [None, Some(1000.0)] {
        let [a, b] = gates(rate);
        assert_eq!((granted(&a, 7).await, granted(&b, 7).await), (7, 7));
        a.begin().end(Verdict::Refused { retry_after: Some(60 * SECOND) });
        assert!(matches!(a.take(1).await, Leave::NotBefore(wait) if wait > 50 * SECOND));
        until_closed(&b, 50 * SECOND).await;
        // A shorter one, there, takes nothing off.
        b.begin().end(Verdict::Refused { retry_after: Some(SECOND) });
        until_closed(&b, 50 * SECOND).await;
        until_closed(&a, 50 * SECOND).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_at_one_stop_all_and_one_probe_lets_all_go_on() {
    for rate in [None, Some(1000.0)] {
        let gates = gates::<3>(rate);
        assert_eq!(join_all(gates.iter().map(|gate| granted(gate, 7))).await, [7, 7, 7]);
        fail(&gates[0]);
        assert_eq!(granted(&gates[0], 7).await, 0);
        for gate in &gates {
            until_closed(gate, Duration::from_millis(1)).await;
        }

        // The next leave of all is for one request of one process.
        let probing = first_leave(&gates).await;
        for _ in 0..20 {
            assert_eq!(join_all(gates.iter().map(|gate| granted(gate, 7))).await, [0, 0, 0], "a probe is out");
        }
        fail(&gates[probing]);
        for gate in &gates {
            until_closed(gate, Duration::from_millis(1)).await;
        }

        let probing = first_leave(&gates).await;
        gates[probing].begin().end(Verdict::Answered);
        for gate in &gates {
            until_open(gate).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_nobody_needs_goes_to_another() {
    let gates = gates::<2>(None);
    fail(&gates[0]);
    until_closed(&gates[1], Duration::from_millis(1)).await;
    let probing = first_leave(&gates).await;
    gates[probing].give_back(1).await;
    assert_eq!(patiently(&gates[1 - probing], 7).await, 1);
    // And one that was cut off, to the next of the same process.
    drop(gates[1 - probing].begin());
    assert_eq!(patiently(&gates[1 - probing], 7).await, 1);
}

/// Lets all ask until one of them gets leave, and says which.
async fn first_leave(gates: &[Gate]) -> usize {
    let start = Instant::now();
    loop {
        let leave = join_all(gates.iter().map(|gate| granted(gate, 7))).await;
        if let Some(first) = leave.iter().position(|leave| *leave > 0) {
            assert_eq!(leave.iter().sum::<usize>(), 1, "{leave:?}");
            return first;
        }
        assert!(start.elapsed() < LONG, "no leave");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_keeps_to_its_share_and_nobody_waits() {
    // Nothing listens there.
    let settings = RedisSettings { url: "redis://127.0.0.1:1".into(), key_prefix: String::new() };
    let gate = Gate::new("account", limits(Some(100.0)), Redis::connect(&settings).unwrap());
    gate.shared_by(4);
    let start = Instant::now();
    let taken = granted(&gate, 100).await;
    assert!(taken >= 25 && taken <= 25 + brought(25, start), "{taken}");
    for _ in 0..100 {
        let leave = granted(&gate, 1).await;
        gate.give_back(leave).await;
    }
    assert!(start.elapsed() < 2 * SECOND, "each of them waited");

    gate.begin().end(Verdict::Refused { retry_after: Some(7 * SECOND) });
    assert!(matches!(gate.take(1).await, Leave::NotBefore(wait) if wait > 6 * SECOND));
}
