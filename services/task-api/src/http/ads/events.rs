use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use zoetrope_domain::{TaskState, TaskStatus, TaskStep};
use zoetrope_http::{iso_millis, sse::Event};
use zoetrope_storage::MediaLinks;

use crate::task::Task;

const COMPLETED: i16 = 9;
const FAILED: i16 = -1;

/// A message of a video's log. What is not there is left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepView {
    /// 1 validated, 2 queued, 3 submitted, 4 generating, 5 downloading, 6 storing, 7 stored; the last is 9 completed, or -1 failed or
    /// cancelled.
    #[schema(example = 4)]
    step: i16,
    /// For the user to read.
    message: &'static str,
    #[serde(serialize_with = "iso_millis")]
    timestamp: DateTime<Utc>,
    /// Percent; with the step at which the task is, and with 9.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, maximum = 100)]
    progress: Option<u8>,
    /// `completed` with 9, `failed` with -1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    status: Option<&'static str>,
    /// With 9. Begins with `/`, and plays without any header until it expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    video_url: Option<String>,
    /// With -1: the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
}

impl StepView {
    fn new(step: i16, message: &'static str, timestamp: DateTime<Utc>) -> Self {
        Self { step, message, timestamp, progress: None, status: None, video_url: None, error: None }
    }

    /// A step that the task has left behind.
    fn passed(task: &Task, step: TaskStep) -> Self {
        let moment = match step {
            TaskStep::Validated | TaskStep::Queued => task.created_at,
            TaskStep::Submitted => task.started_at.unwrap_or(task.updated_at),
            // When it came that far is not recorded.
            TaskStep::Generating | TaskStep::Downloading | TaskStep::Storing | TaskStep::Stored => task.updated_at,
        };
        Self::new(step.number().into(), step.describe(false), moment)
    }

    /// How the task stands.
    fn present(task: &Task, links: &MediaLinks, now: DateTime<Utc>) -> Self {
        let (state, moment) = (&task.state, task.updated_at);
        let failed = |message, error| Self {
            status: Some(TaskStatus::Failed.as_str()),
            error: Some(error),
            ..Self::new(FAILED, message, moment)
        };
        match state.status {
            TaskStatus::Queued | TaskStatus::Processing => Self {
                progress: Some(state.progress.get()),
                ..Self::new(state.step.number().into(), state.step.describe(state.awaits_cancellation()), moment)
            },
            TaskStatus::Completed => Self {
                progress: Some(state.progress.get()),
                status: Some(TaskStatus::Completed.as_str()),
                video_url: Some(links.video_path(task.id, now)),
                ..Self::new(COMPLETED, "The video is ready", moment)
            },
            TaskStatus::Failed => {
                let reason = task.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default();
                failed("The video could not be made", reason)
            }
            // This family has no other word for it.
            TaskStatus::Cancelled => failed("The task was cancelled", TaskStatus::Cancelled.as_str().to_owned()),
        }
    }
}

/// How much of a task a client was told: the `id:` of each message, and in `Last-Event-ID` when it comes back. The version alone would not
/// do: one version is told in several messages, and a later one does not say at which step it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    version: u64,
    step: i16,
}

impl Position {
    fn is_end(self) -> bool {
        matches!(self.step, COMPLETED | FAILED)
    }

    /// Whether a task that now stands like this can have been there.
    fn leads_to(self, state: &TaskState) -> bool {
        if self.is_end() { self.version == state.version && state.status.is_terminal() } else { self.version <= state.version }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.version, self.step)
    }
}

/// The text is no [`Position`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position in a video's log")]
pub struct UnknownPosition;

impl FromStr for Position {
    type Err = UnknownPosition;

    fn from_str(text: &str) -> Result<Self, UnknownPosition> {
        let (version, step) = text.split_once('.').ok_or(UnknownPosition)?;
        let version = version.parse().map_err(|_| UnknownPosition)?;
        let step = step.parse().map_err(|_| UnknownPosition)?;
        let is_step = (1..=i16::from(TaskStep::TOTAL)).contains(&step) || matches!(step, COMPLETED | FAILED);
        is_step.then_some(Self { version, step }).ok_or(UnknownPosition)
    }
}

/// Tells a task's states as a log: each step once, however many were passed at once, and the present one again when it has got on.
#[derive(Debug)]
pub struct LogTeller {
    told: Position,
    /// Message and progress of the last step on this stream.
    last: Option<(&'static str, Option<u8>)>,
}

impl LogTeller {
    /// For a client that was told so much before.
    pub fn since(told: Option<Position>) -> Self {
        Self { told: told.unwrap_or_default(), last: None }
    }

    /// Whether the task has ended, and its end was told.
    pub fn is_done(&self, task: &Task) -> bool {
        self.told.is_end() && self.told.leads_to(&task.state)
    }

    /// What was not told yet.
    pub fn tell(&mut self, task: &Task, links: &MediaLinks, now: DateTime<Utc>) -> Vec<Event> {
        if self.is_done(task) {
            return Vec::new();
        }
        let state = &task.state;
        if !self.told.leads_to(state) {
            // Another task's position, or one that a restored database knows nothing of: better twice than never.
            self.told = Position::default();
        }
        let told = self.told;
        let is_passed = |step: TaskStep| step < state.step || (step == state.step && state.status.is_terminal());
        let passed = TaskStep::ALL.iter().copied().filter(|step| is_passed(*step) && i16::from(step.number()) > told.step);
        let mut log: Vec<StepView> = passed.map(|step| StepView::passed(task, step)).collect();

        let present = StepView::present(task, links, now);
        let last = Some((present.message, present.progress));
        if present.step != told.step || (state.version > told.version && self.last != last) {
            self.last = last;
            log.push(present);
        }
        log.iter().map(|message| self.event(message, state.version)).collect()
    }

    fn event(&mut self, message: &StepView, version: u64) -> Event {
        self.told = Position { version, step: message.step };
        Event::unnamed(&json!(message)).with_id(self.told)
    }
}

/// For a task whose owner deleted it meanwhile.
pub fn gone(now: DateTime<Utc>) -> Event {
    let message = StepView {
        status: Some(TaskStatus::Failed.as_str()),
        error: Some("deleted".to_owned()),
        ..StepView::new(FAILED, "The task was deleted", now)
    };
    Event::unnamed(&json!(message))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use zoetrope_domain::{JobEvent, JobPhase, Progress};
    use zoetrope_storage::MediaLinkSettings;

    use super::*;
    use crate::task::{
        Failure,
        tests::{NOW, after, cancel_requested, task},
    };

    fn links() -> MediaLinks {
        let (public_base_url, secret) = ("http://host".to_owned(), "a secret of some length".into());
        MediaLinks::new(&MediaLinkSettings { public_base_url, secret, lifetime_seconds: 3600 }).unwrap()
    }

    fn told(teller: &mut LogTeller, task: &Task) -> Vec<(Position, Value)> {
        let read = |event: Event| {
            let text = event.to_string();
            let mut lines = text.lines();
            let mut field = |name| lines.next().unwrap().strip_prefix(name).unwrap().to_owned();
            (field("id: ").parse().unwrap(), serde_json::from_str(&field("data: ")).unwrap())
        };
        teller.tell(task, &links(), NOW).into_iter().map(read).collect()
    }

    fn steps(told: &[(Position, Value)]) -> Vec<i64> {
        told.iter().map(|(_, message)| message["step"].as_i64().unwrap()).collect()
    }

    fn progressed(phase: JobPhase, percent: u32) -> JobEvent {
        JobEvent::Progressed { phase, progress: Progress::clamped(percent) }
    }

    /// All states of a task that runs, stands still for a moment, and ends.
    fn life(end: JobEvent) -> Vec<Task> {
        let events = [
            progressed(JobPhase::Submitted, 0),
            progressed(JobPhase::Generating, 0),
            progressed(JobPhase::Generating, 40),
            progressed(JobPhase::Generating, 40),
            progressed(JobPhase::Storing, 99),
            end,
        ];
        let mut life = vec![task()];
        for (sequence, event) in (1..).zip(events) {
            life.push(after(life[life.len() - 1].clone(), sequence, event));
        }
        life
    }

    #[test]
    fn a_life_is_told_step_by_step() {
        let mut teller = LogTeller::since(None);
        let told: Vec<Vec<i64>> = life(JobEvent::Succeeded).iter().map(|task| steps(&told(&mut teller, task))).collect();
        assert_eq!(told, [vec![1, 2], vec![3], vec![4], vec![4], vec![], vec![5, 6], vec![7, 9]]);
    }

    #[test]
    fn a_message_says_what_the_front_end_reads() {
        let running = after(task(), 1, progressed(JobPhase::Generating, 40));
        let log = told(&mut LogTeller::since(None), &running);
        assert_eq!(
            (log[0].0.to_string().as_str(), &log[0].1),
            ("2.1", &json!({ "step": 1, "message": "The request is accepted", "timestamp": "2025-11-21T04:40:00.123Z" }))
        );
        assert_eq!(
            (log[3].0.to_string().as_str(), &log[3].1),
            (
                "2.4",
                &json!({ "step": 4, "message": "The video is being generated", "timestamp": "2025-11-21T04:40:02.123Z", "progress": 40 })
            )
        );
    }

    #[test]
    fn the_end_has_the_address_or_the_reason() {
        let end = |task: &Task| told(&mut LogTeller::since(None), task).pop().unwrap().1;
        let completed = end(&after(task(), 1, JobEvent::Succeeded));
        assert_eq!(
            (&completed["step"], &completed["status"], &completed["progress"]),
            (&json!(9), &json!("completed"), &json!(100))
        );
        assert!(completed["video_url"].as_str().unwrap().starts_with("/media/videos/") && completed.get("error").is_none());

        let mut failed = after(task(), 1, JobEvent::Failed);
        failed.failure = Some(Failure { code: "X".to_owned(), message: "no luck".to_owned(), retryable: true });
        let failed = end(&failed);
        assert_eq!((&failed["step"], &failed["status"], &failed["error"]), (&json!(-1), &json!("failed"), &json!("no luck")));

        let cancelled = end(&after(task(), 1, JobEvent::Cancelled));
        assert_eq!(
            (&cancelled["step"], &cancelled["status"], &cancelled["error"]),
            (&json!(-1), &json!("failed"), &json!("cancelled"))
        );
    }

    #[test]
    fn a_wish_to_cancel_is_told_with_the_step_that_goes_on() {
        let mut teller = LogTeller::since(Some(Position { version: 2, step: 4 }));
        let log = told(&mut teller, &cancel_requested());
        assert_eq!(steps(&log), [4]);
        assert_eq!(log[0].1["message"], "The provider is asked to cancel the task");
    }

    /// Whatever a client heard before a cut and whenever it comes back: every step is told, in order, none twice, and the end once.
    #[test]
    fn a_log_that_is_cut_anywhere_goes_on_there() {
        for (end, number) in [(JobEvent::Succeeded, 9), (JobEvent::Failed, -1), (JobEvent::Cancelled, -1)] {
            let life = life(end);
            let whole: Vec<i64> = if number == 9 { (1..=7).chain([9]).collect() } else { (1..=6).chain([-1]).collect() };
            for (first, back) in (0..life.len()).flat_map(|first| (first..life.len()).map(move |back| (first, back))) {
                let mut teller = LogTeller::since(None);
                let before: Vec<_> = life[first..=back].iter().flat_map(|task| told(&mut teller, task)).collect();
                for cut in 0..=before.len() {
                    let mut log = before[..cut].to_vec();
                    let mut teller = LogTeller::since(log.last().map(|(position, _)| *position));
                    log.extend(life[back..].iter().flat_map(|task| told(&mut teller, task)));
                    let mut heard = steps(&log);
                    heard.dedup();
                    assert_eq!(heard, whole, "{first} {back} {cut}");
                    let ends_or_next = |(position, _): &(Position, Value)| (position.version, position.is_end(), position.step);
                    assert!(log.windows(2).all(|pair| ends_or_next(&pair[0]) < ends_or_next(&pair[1])), "{log:?}");
                    assert!(teller.is_done(&life[life.len() - 1]));
                }
            }
        }
    }

    #[test]
    fn a_position_that_cannot_be_is_none() {
        for text in ["", "5", "5.", ".4", "5.8", "5.0", "-1.4", "5.4.4", "x.4"] {
            assert_eq!(text.parse::<Position>(), Err(UnknownPosition), "{text}");
        }
        // Of a future that is not, and of an end that is not.
        for text in ["99.4", "99.9", "2.9", "1.-1"] {
            let mut teller = LogTeller::since(Some(text.parse().unwrap()));
            let running = after(task(), 1, progressed(JobPhase::Generating, 40));
            assert!(!teller.is_done(&running));
            assert_eq!(steps(&told(&mut teller, &running)), [1, 2, 3, 4], "{text}");
        }
    }
}
