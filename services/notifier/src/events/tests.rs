use serde_json::{Value, json};

use super::*;
use crate::{
    fixtures::{cancelled, completed, failed, processing, queued, task_id},
    frames::{Dialect, Outgoing, ServerFrame},
    stream::Event,
};

fn tell(voice: &mut Lumi, event: Event) -> Vec<(&'static str, Value)> {
    let told = Told { event, id: None };
    voice.tells(told).iter().map(|said| (said.name, serde_json::from_str(&said.json).unwrap())).collect()
}

fn status(phase: &str, status: &str, progress: u8) -> (&'static str, Value) {
    ("status", json!({ "phase": phase, "status": status, "progress": progress }))
}

#[test]
fn a_page_of_lumi_hears_the_task_then_its_changes() {
    let mut lumi = Lumi::default();
    let init = tell(&mut lumi, Event::Present(queued(1, 1)));
    assert_eq!(
        init[0],
        (
            "task:init",
            json!({
                "id": task_id(1), "userId": crate::fixtures::user_id(1),
                "phase": "MODEL_GENERATION", "status": "MODEL_PENDING", "progress": 0,
                "images": [], "model": null, "selectedImageIndex": null, "errorMessage": null,
                "createdAt": "2025-11-21T04:40:00.000Z", "updatedAt": "2025-11-21T04:40:10.000Z", "completedAt": null,
            })
        )
    );
    assert_eq!(init[1..], [status("MODEL_GENERATION", "MODEL_PENDING", 0)]);

    let updated =
        |phase: &str, status: &str| ("task:updated", json!({ "requestId": task_id(1), "phase": phase, "status": status }));
    assert_eq!(
        tell(&mut lumi, Event::Change(processing(1, 2, 10))),
        [updated("MODEL_GENERATION", "MODEL_GENERATING"), status("MODEL_GENERATION", "MODEL_GENERATING", 10)]
    );
    let went_on = tell(&mut lumi, Event::Change(processing(1, 3, 20)));
    assert_eq!(went_on, [status("MODEL_GENERATION", "MODEL_GENERATING", 20)]);
    let ended = tell(&mut lumi, Event::Change(completed(1, 4)));
    assert_eq!(ended, [updated("COMPLETED", "COMPLETED"), status("COMPLETED", "COMPLETED", 100)]);
}

#[test]
fn a_page_that_comes_back_hears_what_it_missed_or_begins_anew() {
    let missed = tell(&mut Lumi::default(), Event::Missed(cancelled(1, 4)));
    assert_eq!((missed[0].0, &missed[1].1["status"]), ("task:updated", &json!("CANCELLED")));
    let anew = tell(&mut Lumi::default(), Event::Resync(vec![failed(1, 4)]));
    assert_eq!(anew.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["resync", "task:init", "status"]);
    for (_, task) in &anew[..2] {
        assert_eq!((&task["status"], &task["errorMessage"]), (&json!("FAILED"), &json!("the provider gave up")));
        assert!(task["completedAt"].is_string());
    }
}

#[test]
fn a_page_hears_that_the_stream_lives_and_why_it_ends() {
    let beat: Value = serde_json::from_str(&Lumi::default().beats().json).unwrap();
    assert!(beat["timestamp"].as_str().unwrap().ends_with('Z'), "{beat}");
    let refused = Lumi::default().refuses(zoetrope_tokens::Refusal::SessionEnded);
    assert_eq!((refused.name, refused.json.as_str()), ("error", r#"{"message":"this session has ended"}"#));
}

#[test]
fn all_tasks_are_told_as_on_the_websocket() {
    let name = |event: Event| {
        let frame = ServerFrame::from(event);
        Outgoing { dialect: Dialect::Enveloped, id: None, event_id: None, frame }.kind()
    };
    for (event, expected) in [
        (Event::Present(processing(1, 2, 10)), "taskStatus"),
        (Event::Change(processing(1, 3, 20)), "taskProgress"),
        (Event::Missed(completed(1, 4)), "taskCompleted"),
        (Event::Change(failed(2, 4)), "taskFailed"),
        (Event::Change(cancelled(3, 4)), "taskCancelled"),
        (Event::Resync(vec![processing(1, 2, 10)]), "resync"),
    ] {
        assert_eq!(name(event), expected);
    }
}
