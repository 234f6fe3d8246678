use chrono::{DateTime, SecondsFormat, Utc};
use prost::Message as _;
use serde_json::{Value, json};
use zoetrope_contracts::tasks::v1::TaskUpdated;
use zoetrope_storage::MediaLinks;

use super::EventType;
use crate::{
    frames::upper_status_word,
    task::{Ending, InvalidTask, TaskSnapshot},
};

/// Longest text in characters that comes from a provider: a message must stay below 20 KB.
const LONGEST_TEXT: usize = 500;

/// What is told, apart from to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub event: EventType,
    pub occurred_at: DateTime<Utc>,
    /// `zoetrope.tasks.v1.TaskUpdated`; none for a test.
    pub payload: Option<Vec<u8>>,
}

impl Message {
    /// The JSON body. Links are made now, so that those of a late attempt play as well.
    pub fn body(&self, links: &MediaLinks, now: DateTime<Utc>) -> Result<Vec<u8>, InvalidTask> {
        let data = match &self.payload {
            Some(payload) => task(payload, links, now)?,
            None => json!({ "message": "This is a test. Messages about your tasks arrive here." }),
        };
        let body = json!({ "type": self.event.as_str(), "timestamp": iso(self.occurred_at), "data": data });
        Ok(body.to_string().into_bytes())
    }
}

/// The public view of a task, which has no prompt.
fn task(payload: &[u8], links: &MediaLinks, now: DateTime<Utc>) -> Result<Value, InvalidTask> {
    let message = TaskUpdated::decode(payload)?;
    let model = message.model.clone();
    let task = TaskSnapshot::try_from(message)?;
    let output = match &task.ending {
        Some(Ending::Completed(output)) => Some(output),
        _ => None,
    };
    let error = match &task.ending {
        Some(Ending::Failed(failure)) => Some(failure),
        _ => None,
    };
    Ok(json!({
        "id": task.task_id.to_video_id(),
        "status": upper_status_word(task.status),
        "progress": task.progress.get(),
        "version": task.version,
        "model": clipped(&model),
        "duration": task.seconds,
        "size": task.size.as_deref().map(clipped),
        "videoUrl": output.map(|_| links.video_url(task.task_id, now)),
        "thumbnailUrl": output.filter(|output| output.has_thumbnail).map(|_| links.thumbnail_url(task.task_id, now)),
        "fileSize": output.map(|output| output.video_size),
        "error": error.map(|failure| json!({
            "code": clipped(&failure.code), "message": clipped(&failure.message), "retryable": failure.retryable,
        })),
        "createdAt": iso(task.created_at),
        "startedAt": task.started_at.map(iso),
        "completedAt": task.completed_at.map(iso),
        "updatedAt": iso(task.updated_at),
    }))
}

fn clipped(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

fn iso(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use zoetrope_contracts::tasks::v1 as wire;
    use zoetrope_storage::MediaLinkSettings;

    use super::*;
    use crate::fixtures::{CREATED, message};

    fn body(event: EventType, payload: Option<wire::TaskUpdated>) -> Vec<u8> {
        let links = MediaLinks::new(&MediaLinkSettings {
            public_base_url: "http://host".to_owned(),
            secret: "a secret of some length".into(),
            lifetime_seconds: 3600,
        });
        let payload = payload.map(|task| task.encode_to_vec());
        Message { event, occurred_at: CREATED, payload }.body(&links.unwrap(), CREATED).unwrap()
    }

    fn json_of(event: EventType, payload: Option<wire::TaskUpdated>) -> Value {
        serde_json::from_slice(&body(event, payload)).unwrap()
    }

    #[test]
    fn a_completed_task_is_told_whole() {
        let mut told = json_of(EventType::TaskCompleted, Some(message(1, 3, wire::TaskStatus::Completed)));
        for (field, file) in [("videoUrl", "video.mp4"), ("thumbnailUrl", "thumbnail")] {
            let link = told["data"][field].take();
            let start = format!("http://host/media/videos/00000000-0000-0000-0000-000000000001/{file}");
            assert!(link.as_str().unwrap().starts_with(&start), "{link}");
        }
        assert_eq!(
            told,
            json!({
                "type": "task.completed", "timestamp": "2025-11-21T04:40:00.000Z",
                "data": {
                    "id": "video_00000000-0000-0000-0000-000000000001", "status": "COMPLETED", "progress": 100, "version": 3,
                    "model": "sora-2", "duration": 8, "size": "1280x720", "videoUrl": null, "thumbnailUrl": null,
                    "fileSize": 1_234_567, "error": null,
                    "createdAt": "2025-11-21T04:40:00.000Z", "startedAt": "2025-11-21T04:40:02.000Z",
                    "completedAt": "2025-11-21T04:40:30.000Z", "updatedAt": "2025-11-21T04:40:30.000Z",
                }
            })
        );
    }

    #[test]
    fn a_failure_is_told_with_its_reason() {
        let told = json_of(EventType::TaskFailed, Some(message(1, 3, wire::TaskStatus::Failed)));
        assert_eq!((&told["data"]["status"], &told["data"]["videoUrl"]), (&json!("FAILED"), &Value::Null));
        let error = json!({ "code": "GENERATION_FAILED", "message": "the provider gave up", "retryable": true });
        assert_eq!(told["data"]["error"], error);
    }

    #[test]
    fn a_message_stays_small() {
        // Six bytes each in JSON.
        let long = "\u{1}".repeat(50_000);
        let error = wire::TaskError { code: long.clone(), message: long.clone(), retryable: false };
        let failed = wire::TaskUpdated { error: Some(error), model: long, ..message(1, 3, wire::TaskStatus::Failed) };
        let length = body(EventType::TaskFailed, Some(failed)).len();
        assert!(length < 20_000, "{length}");
    }

    #[test]
    fn a_test_tells_of_no_task() {
        let told = json_of(EventType::WebhookTest, None);
        assert!(told["type"] == "webhook.test" && told["data"]["message"].is_string(), "{told}");
    }
}
