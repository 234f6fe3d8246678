use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use zoetrope_domain::{FeedPosition, TaskStatus};
use zoetrope_tokens::Refusal;

use super::{Said, Voice};
use crate::{
    stream::{Event, Told},
    task::{Ending, TaskSnapshot},
};

/// One task as the pages of Lumi listen to it.
///
/// Their events of single images and models (`image:…`, `model:…`) are about parts that no task has yet.
#[derive(Default)]
pub struct Lumi {
    told: Option<TaskStatus>,
}

impl Lumi {
    fn begin(&mut self, task: &TaskSnapshot) -> Vec<Said> {
        self.told = Some(task.status);
        vec![said("task:init", &whole(task)), progress(task)]
    }

    fn change(&mut self, task: &TaskSnapshot) -> Vec<Said> {
        if self.told.replace(task.status) == Some(task.status) {
            return vec![progress(task)];
        }
        let (phase, status) = words(task.status);
        vec![said("task:updated", &json!({ "requestId": task.task_id, "status": status, "phase": phase })), progress(task)]
    }

    /// The pages know no other way to forget than to begin anew.
    fn begin_anew(&mut self, task: &TaskSnapshot) -> Vec<Said> {
        let mut all = vec![said("resync", &whole(task))];
        all.append(&mut self.begin(task));
        all
    }
}

impl Voice for Lumi {
    /// The first event of a task tells it.
    fn stands(&self, _from: Option<FeedPosition>) -> Option<Said> {
        None
    }

    fn tells(&mut self, told: Told) -> Vec<Said> {
        match told.event {
            Event::Present(update) => self.begin(&update.task),
            Event::Missed(update) | Event::Change(update) => self.change(&update.task),
            Event::Resync(states) => states.iter().flat_map(|update| self.begin_anew(&update.task)).collect(),
        }
    }

    fn beats(&self) -> Said {
        said("heartbeat", &json!({ "timestamp": iso(Utc::now()) }))
    }

    fn refuses(&self, refusal: Refusal) -> Said {
        said("error", &json!({ "message": refusal.to_string() }))
    }
}

fn said(name: &'static str, data: &Value) -> Said {
    Said { name, json: data.to_string() }
}

fn progress(task: &TaskSnapshot) -> Said {
    let (phase, status) = words(task.status);
    said("status", &json!({ "phase": phase, "status": status, "progress": task.progress.get() }))
}

fn whole(task: &TaskSnapshot) -> Value {
    let (phase, status) = words(task.status);
    let error = if let Some(Ending::Failed(failure)) = &task.ending { Some(&failure.message) } else { None };
    json!({
        "id": task.task_id,
        "userId": task.user_id,
        "phase": phase,
        "status": status,
        "progress": task.progress.get(),
        // The pages go through the images of any task, and a task has none yet.
        "images": [],
        "model": null,
        "selectedImageIndex": null,
        "errorMessage": error,
        "createdAt": iso(task.created_at),
        "updatedAt": iso(task.updated_at),
        "completedAt": task.completed_at.map(iso),
    })
}

/// Phase and status of a task that is made in one go, without candidates to select from: as that of a model.
fn words(status: TaskStatus) -> (&'static str, &'static str) {
    match status {
        TaskStatus::Queued => ("MODEL_GENERATION", "MODEL_PENDING"),
        TaskStatus::Processing => ("MODEL_GENERATION", "MODEL_GENERATING"),
        TaskStatus::Completed => ("COMPLETED", "COMPLETED"),
        TaskStatus::Failed => ("MODEL_GENERATION", "FAILED"),
        TaskStatus::Cancelled => ("MODEL_GENERATION", "CANCELLED"),
    }
}

/// ISO 8601 with milliseconds, as all HTTP bodies have it.
fn iso(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}
