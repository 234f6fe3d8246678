use chrono::{DateTime, Utc};
use serde_json::json;
use zoetrope_http::sse::Event;
use zoetrope_storage::MediaLinks;

use super::view::VideoView;
use crate::live::{News, Seen};

/// News in the words of this family.
pub fn event(news: &News, seen: &Seen, links: &MediaLinks, now: DateTime<Utc>) -> Event {
    let video = || VideoView::new(seen, links, now);
    match news {
        News::Started => Event::named("start", &json!({ "message": "The task is accepted", "video": video() })),
        News::Progressed { message, percent } => Event::named("progress", &json!({ "message": message, "percent": percent })),
        News::Completed => {
            Event::named("complete", &json!({ "message": "The video is ready", "video": video(), "newBalance": seen.balance }))
        }
        News::Failed { code, message } => Event::named("error", &json!({ "message": message, "code": code, "video": video() })),
        News::Cancelled => {
            Event::named("error", &json!({ "message": "The task was cancelled", "code": "CANCELLED", "video": video() }))
        }
    }
}

/// For a task whose owner deleted it meanwhile.
pub fn gone() -> Event {
    Event::named("error", &json!({ "message": "The task was deleted", "code": "NOT_FOUND" }))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use zoetrope_domain::JobEvent;
    use zoetrope_storage::MediaLinkSettings;

    use super::*;
    use crate::{
        live::Teller,
        task::{
            Failure, Task, VideoOutput,
            tests::{NOW, after, task},
        },
    };

    fn told(task: Task, balance: i64) -> Vec<(String, Value)> {
        let links = MediaLinks::new(&MediaLinkSettings {
            public_base_url: "http://host".to_owned(),
            secret: "a secret of some length".into(),
            lifetime_seconds: 3600,
        });
        let (links, seen) = (links.unwrap(), Seen { task, balance });
        let read = |event: Event| {
            let text = event.to_string();
            let mut lines = text.lines();
            let name = lines.next().unwrap().strip_prefix("event: ").unwrap().to_owned();
            (name, serde_json::from_str(lines.next().unwrap().strip_prefix("data: ").unwrap()).unwrap())
        };
        Teller::default().tell(&seen.task).iter().map(|news| read(event(news, &seen, &links, NOW))).collect()
    }

    #[test]
    fn a_new_task_starts_and_waits() {
        let told = told(task(), 0);
        assert_eq!((told[0].0.as_str(), told[1].0.as_str()), ("start", "progress"));
        assert_eq!(
            told[0].1["video"],
            json!({
                "id": "00000000-0000-0000-0000-000000000007", "userId": "00000000-0000-0000-0000-000000000001",
                "prompt": "a red kite", "status": "PENDING", "progress": 0, "model": "sora-2", "duration": 10, "aspectRatio": "16:9",
                "videoUrl": null, "fileUrl": null, "thumbnailUrl": null, "fileSize": null,
                "costCredits": 100, "remainingCredits": 0, "errorMessage": null,
                "createdAt": "2025-11-21T04:40:00.123Z", "updatedAt": "2025-11-21T04:40:00.123Z", "completedAt": null,
            })
        );
        assert_eq!(told[1].1, json!({ "message": "Waiting for a provider", "percent": 0 }));
    }

    #[test]
    fn an_end_has_the_link_or_the_reason() {
        let mut completed = after(task(), 1, JobEvent::Succeeded);
        completed.output = Some(VideoOutput { video_size: 7, video_sha256: None, has_thumbnail: false });
        let (name, data) = told(completed, 20).remove(1);
        assert_eq!((name.as_str(), &data["newBalance"], &data["video"]["status"]), ("complete", &json!(20), &json!("COMPLETED")));
        assert!(data["video"]["fileUrl"].as_str().unwrap().starts_with("http://host/media/videos/"));

        let mut failed = after(task(), 1, JobEvent::Failed);
        failed.failure = Some(Failure { code: "GENERATION_FAILED".to_owned(), message: "no".to_owned(), retryable: true });
        let (name, data) = told(failed, 120).remove(1);
        assert_eq!((name.as_str(), &data["code"], &data["message"]), ("error", &json!("GENERATION_FAILED"), &json!("no")));
        assert_eq!((&data["video"]["status"], &data["video"]["remainingCredits"]), (&json!("FAILED"), &json!(120)));

        let (name, data) = told(after(task(), 1, JobEvent::Cancelled), 120).remove(1);
        assert_eq!((name.as_str(), &data["code"], &data["video"]["status"]), ("error", &json!("CANCELLED"), &json!("CANCELLED")));
    }
}
