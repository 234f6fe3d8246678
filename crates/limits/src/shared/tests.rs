//! On a real Redis, which `scripts/test` starts and names in `ZOETROPE_TEST_REDIS_URL`.

use std::{collections::HashMap, num::NonZeroU32};

use proptest::{collection::vec, prelude::*};
use tokio::runtime::Runtime;
use zoetrope_redis::cmd;

use super::*;
use crate::fixtures::redis;

/// Gives the script a clock of the test's own, as two more arguments.
const CLOCK: &str = "
local server = redis
local redis = { call = function(command, ...)
  if command == 'TIME' then
    return { ARGV[4], ARGV[5] }
  end
  return server.call(command, ...)
end }
";
const MICROS: u64 = 1_000_000;
/// The clock of the test begins there, in microseconds.
const BEGINNING: u64 = 1_800_000_000 * MICROS + 123_456;

#[derive(Debug)]
struct Step {
    pause: u64,
    subject: u8,
    quota: Quota,
    known: u64,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // A key goes by the real clock, so that debts must be long.
    let quota = (1u32..20, 60u32..4000)
        .prop_map(|(limit, window)| Quota::new(NonZeroU32::MIN.saturating_add(limit), NonZeroU32::MIN.saturating_add(window)));
    let pause = prop_oneof![Just(0), 0..MICROS, 0..400 * MICROS];
    let known = prop_oneof![4 => Just(0), 1 => 0..5000 * MICROS];
    let step = (pause, 0u8..3, quota, known).prop_map(|(pause, subject, quota, known)| Step { pause, subject, quota, known });
    vec(step, 1..60)
}

#[test]
fn the_script_decides_as_the_rule_does() {
    let runtime = Runtime::new().unwrap();
    let script = format!("{CLOCK}{}", include_str!("../take.lua"));
    proptest!(ProptestConfig::with_cases(100), |(steps in steps())| {
        let redis = runtime.block_on(async { redis() });
        let mut paid_off: HashMap<u8, u64> = HashMap::new();
        let mut now = BEGINNING;
        for step in steps {
            now += step.pause;
            let Step { subject, quota, known, .. } = step;
            let args = [micros(quota.interval()), micros(quota.window()), known, now / MICROS, now % MICROS];
            // Told, not asked: on a busy machine an answer may take longer than a request would wait for it.
            let mut command = cmd("EVAL");
            command.arg(&script).arg(1).arg(redis.key(subject)).arg(&args);
            let answer: (u8, u64) = runtime.block_on(redis.tell(command)).unwrap();

            let owed = paid_off.get(&subject).copied().unwrap_or_default().saturating_sub(now);
            let decision = quota.take(Duration::from_micros(owed.max(known)));
            prop_assert_eq!(answer, (u8::from(decision.allowed), micros(decision.debt)));
            if decision.allowed {
                paid_off.insert(subject, now + micros(decision.debt));
            }
        }
    });
}
