//! What a presented refresh token is worth.
//!
//! A token is good for one use and is replaced by it. A second use means that two parties hold it, and nobody can tell which one is
//! the thief: the session ends for both. Within a grace period a second use is innocent, because real clients refresh in parallel
//! and answers get lost.

use chrono::{DateTime, TimeDelta, Utc};

/// What is known of a token whose secret was right.
#[derive(Debug, Clone, Copy)]
pub struct Presented {
    pub expires_at: DateTime<Utc>,
    /// The first use.
    pub used_at: Option<DateTime<Utc>>,
    pub session_revoked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Give a new one and remember the use.
    FirstUse,
    /// Give a new one; the first use stays the one that counts.
    InnocentRepetition,
    /// Refuse and end the session.
    Reuse,
    /// Refuse.
    Ended,
}

/// Judges a token that is presented at `now`.
pub fn judge(token: Presented, now: DateTime<Utc>, grace: TimeDelta) -> Verdict {
    if token.session_revoked || token.expires_at <= now {
        return Verdict::Ended;
    }
    match token.used_at {
        None => Verdict::FirstUse,
        Some(used_at) if now - used_at < grace => Verdict::InnocentRepetition,
        Some(_) => Verdict::Reuse,
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const GRACE: TimeDelta = TimeDelta::seconds(10);

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_763_700_000, 0).unwrap()
    }

    fn unused() -> Presented {
        Presented { expires_at: now() + TimeDelta::days(7), used_at: None, session_revoked: false }
    }

    fn used(ago: TimeDelta) -> Presented {
        Presented { used_at: Some(now() - ago), ..unused() }
    }

    fn judged(token: Presented) -> Verdict {
        judge(token, now(), GRACE)
    }

    #[test]
    fn a_token_is_good_for_one_use() {
        assert_eq!(judged(unused()), Verdict::FirstUse);
        assert_eq!(judged(used(GRACE)), Verdict::Reuse);
        assert_eq!(judged(used(TimeDelta::days(6))), Verdict::Reuse);
    }

    #[test]
    fn a_parallel_refresh_is_innocent() {
        assert_eq!(judged(used(TimeDelta::zero())), Verdict::InnocentRepetition);
        assert_eq!(judged(used(TimeDelta::milliseconds(9_999))), Verdict::InnocentRepetition);
        // Another replica's clock may be ahead.
        assert_eq!(judged(used(TimeDelta::seconds(-1))), Verdict::InnocentRepetition);
    }

    #[test]
    fn without_grace_no_repetition_is_innocent() {
        assert_eq!(judge(used(TimeDelta::zero()), now(), TimeDelta::zero()), Verdict::Reuse);
    }

    #[test]
    fn the_grace_does_not_move_with_repetitions() {
        let token = used(TimeDelta::zero());
        assert_eq!(judge(token, now() + TimeDelta::seconds(9), GRACE), Verdict::InnocentRepetition);
        assert_eq!(judge(token, now() + TimeDelta::seconds(18), GRACE), Verdict::Reuse);
    }

    #[test]
    fn an_ended_session_gives_nothing() {
        assert_eq!(judged(Presented { session_revoked: true, ..unused() }), Verdict::Ended);
        assert_eq!(judged(Presented { session_revoked: true, ..used(TimeDelta::zero()) }), Verdict::Ended);
        assert_eq!(judged(Presented { expires_at: now(), ..unused() }), Verdict::Ended);
        assert_eq!(judged(Presented { expires_at: now(), ..used(TimeDelta::days(7)) }), Verdict::Ended);
    }

    proptest! {
        /// Whoever presents whichever of a session's tokens when: after the first reuse nothing is given any more, and until then a token
        /// gives others only at its first use and within the grace after it.
        #[test]
        fn nothing_is_given_for_a_stolen_token(presentations in vec((0usize..6, 0i64..30), 1..60)) {
            let (mut tokens, mut revoked, mut clock) = (vec![unused()], false, now());
            for (chosen, pause) in presentations {
                clock += TimeDelta::seconds(pause);
                let place = chosen % tokens.len();
                let token = Presented { session_revoked: revoked, ..tokens[place] };
                let verdict = judge(token, clock, GRACE);
                let gives = matches!(verdict, Verdict::FirstUse | Verdict::InnocentRepetition);
                let is_late = token.used_at.is_some_and(|used_at| clock - used_at >= GRACE);
                prop_assert_eq!(gives, !revoked && !is_late);
                match verdict {
                    Verdict::FirstUse => tokens[place].used_at = Some(clock),
                    Verdict::Reuse => revoked = true,
                    Verdict::InnocentRepetition | Verdict::Ended => {}
                }
                if gives {
                    tokens.push(unused());
                }
            }
        }
    }
}
