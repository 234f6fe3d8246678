use std::{fmt::Write, time::Duration};

use diesel::QueryResult;
use zoetrope_postgres::Connection;

use super::{
    claim::{Claims, claim_where},
    lane::LaneKey,
};
use crate::job::{Policy, State};

/// Claims due jobs whose time is over, at most `limit`. They have an end to come to even while their provider cannot be asked.
pub(crate) async fn claim_overdue(
    conn: &mut Connection,
    lane: &LaneKey,
    policy: &Policy,
    limit: usize,
    lease: Duration,
) -> QueryResult<Claims> {
    claim_where(conn, lane, limit, lease, &condition(lane, policy)).await
}

/// True of a job that would end if its provider did not answer now.
fn condition(lane: &LaneKey, policy: &Policy) -> String {
    let mut cases = String::from("AND CASE state");
    for state in lane.work.states() {
        let Some((since, limit)) = limit(state, policy) else { continue };
        // Writing to a string cannot fail.
        let _ =
            write!(cases, " WHEN '{}' THEN {since} <= now() - make_interval(secs => {})", state.as_str(), limit.as_secs_f64());
    }
    cases.push_str(" ELSE false END");
    cases
}

/// Since when a job's time in this state counts, and how long it is; `None` where somebody counts tries instead.
const fn limit(state: State, policy: &Policy) -> Option<(&'static str, Duration)> {
    match state {
        State::Pending => Some(("created_at", policy.submission_deadline)),
        State::Unconfirmed => Some(("intent_at", policy.unconfirmed_window)),
        State::Polling => Some(("created_at", policy.max_age)),
        State::Archiving => Some(("state_since", policy.archive_deadline)),
        State::Cancelling => Some(("state_since", policy.cancel_window)),
        State::Submitting | State::Deleting | State::Succeeded | State::Failed | State::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{POLICY, Work};

    #[test]
    fn each_state_has_its_own_time() {
        let condition = |work| condition(&LaneKey::new("openai", work), &POLICY);
        assert_eq!(
            condition(Work::Submit),
            "AND CASE state WHEN 'pending' THEN created_at <= now() - make_interval(secs => 3600) ELSE false END"
        );
        assert!(condition(Work::Follow).contains("WHEN 'polling' THEN created_at <= now() - make_interval(secs => 86400)"));
        assert!(condition(Work::Archive).contains("state_since"));
    }
}
