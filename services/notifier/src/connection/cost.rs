use crate::frames::{BadFrame, ClientFrame, ErrorCode, Request};

/// Of a protocol's ping or pong.
pub const CONTROL_FRAME: u32 = 1;
/// Of a sign-in: its token is looked at, and what became of its session.
pub const SIGN_IN: u32 = 5;
/// Of one that fails, to the address that it comes from.
pub const FAILED_SIGN_IN: u32 = 20;
/// Of what nobody can understand; there is no good reason for it.
pub const MALFORMED: u32 = 10;
/// Of the look at all tasks; what it finds comes on top.
pub const ALL_TASKS: u32 = 10;
/// States that are told for one unit: they come together, and most of them in one query.
const STATES: usize = 10;
/// Bytes of a frame that are read for one unit.
const BYTES: usize = 4096;

/// What a frame of this length costs.
pub fn of_frame(frame: &Result<ClientFrame, BadFrame>, length: usize) -> u32 {
    let asked = match frame {
        Ok(ClientFrame { request, .. }) => match request {
            Request::Auth { .. } => SIGN_IN,
            Request::SubscribeUser(_) => ALL_TASKS,
            // An answer for each.
            Request::Status(tasks) => units(tasks.len().max(1)),
            Request::Ping(_) | Request::Alive | Request::Subscribe(..) | Request::Unsubscribe(_) | Request::UnsubscribeUser => 1,
        },
        Err(bad) if bad.code == ErrorCode::Validation => MALFORMED,
        Err(_) => 1,
    };
    asked.saturating_add(units(length / BYTES))
}

/// What so many states cost that a look at all tasks has found.
pub fn of_states(count: usize) -> u32 {
    units(count / STATES)
}

fn units(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::task_id;

    #[test]
    fn a_frame_costs_what_it_makes_us_do() {
        let cost = |text: &str| of_frame(&ClientFrame::parse(text), text.len());
        let videos: Vec<String> = (0..100).map(|task| task_id(task).to_video_id()).collect();
        for (frame, wanted) in [
            (json!({ "type": "ping" }), 1),
            (json!("ping"), 1),
            (json!({ "type": "auth", "token": "t" }), 5),
            (json!({ "type": "subscribe_task", "payload": { "videoId": videos[0] } }), 1),
            (json!({ "type": "subscribe_task", "payload": { "videoId": "video_none" } }), 1),
            (json!({ "type": "subscribe_user" }), 10),
            (json!({ "type": "requestTaskStatus", "payload": { "videoId": videos[0] } }), 1),
            (json!({ "type": "requestMultipleTaskStatus", "payload": { "videoIds": videos[..40] } }), 40),
            (json!({ "type": "requestMultipleTaskStatus", "payload": { "videoIds": [] } }), 1),
            (json!({ "type": "dance" }), 10),
        ] {
            assert_eq!(cost(&frame.to_string()), wanted, "{frame}");
        }
        assert_eq!(cost("what?"), 10);
        assert_eq!(cost(&format!("ping{}", " ".repeat(65_000))), 16);
    }
}
