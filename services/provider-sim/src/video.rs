//! One simulated generation and its life, which is a pure function of the time since it was submitted.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use image::RgbImage;

use crate::{
    directives::{Directives, Outcome},
    faults::Failure,
    render::FrameSize,
};

/// How long a finished video is promised to be kept, in seconds. Nothing is deleted before the process ends.
pub(crate) const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// What a client asked for, checked.
#[derive(Debug, Clone)]
pub(crate) struct VideoOrder {
    pub(crate) model: String,
    pub(crate) prompt: String,
    pub(crate) seconds: u32,
    pub(crate) size: FrameSize,
    pub(crate) reference: Option<ReferenceImage>,
    pub(crate) idempotency_key: Option<String>,
    /// The trace that the submission is a part of.
    pub(crate) traceparent: Option<String>,
    pub(crate) directives: Directives,
}

/// A picture to start from.
#[derive(Debug, Clone)]
pub(crate) struct ReferenceImage {
    /// Scaled down to what a clip can show.
    pub(crate) picture: Arc<RgbImage>,
    /// Size of the uploaded file.
    pub(crate) file_bytes: usize,
}

/// When and how the generation ends; settled when it is submitted.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// From submission until it is in progress.
    pub(crate) queue: Duration,
    /// From submission to the end.
    pub(crate) duration: Duration,
    pub(crate) outcome: Outcome,
}

/// An accepted generation.
#[derive(Debug, Clone)]
pub(crate) struct Video {
    pub(crate) id: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) order: VideoOrder,
    pub(crate) plan: Plan,
}

/// Where a generation stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stage {
    Queued,
    /// Percent, 0 to 99.
    InProgress(u8),
    Completed {
        at: DateTime<Utc>,
    },
    Failed {
        failure: Failure,
    },
}

impl Video {
    pub(crate) fn stage(&self, now: DateTime<Utc>) -> Stage {
        // A clock that was set back must not turn time negative.
        let elapsed = (now - self.created_at).to_std().unwrap_or_default();
        let Plan { queue, duration, outcome } = &self.plan;
        if elapsed < (*queue).min(*duration) {
            return Stage::Queued;
        }
        let ended = elapsed >= *duration;
        match outcome {
            Outcome::Stuck => Stage::InProgress(percent(elapsed, *queue, *duration).min(50)),
            Outcome::Succeed if ended => Stage::Completed { at: self.created_at + *duration },
            Outcome::Fail(failure) if ended => Stage::Failed { failure: failure.clone() },
            Outcome::Succeed | Outcome::Fail(_) => Stage::InProgress(percent(elapsed, *queue, *duration)),
        }
    }
}

fn percent(elapsed: Duration, queue: Duration, duration: Duration) -> u8 {
    let working = duration.saturating_sub(queue).as_secs_f64();
    let worked = elapsed.saturating_sub(queue).as_secs_f64();
    if working > 0.0 { (worked / working * 100.0).min(99.0) as u8 } else { 99 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(outcome: Outcome) -> Video {
        Video {
            id: "video_1".to_owned(),
            created_at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
            order: VideoOrder {
                model: "sora-2".to_owned(),
                prompt: "A fox".to_owned(),
                seconds: 4,
                size: FrameSize::DEFAULT,
                reference: None,
                idempotency_key: None,
                traceparent: None,
                directives: Directives::default(),
            },
            plan: Plan { queue: Duration::from_secs(2), duration: Duration::from_secs(12), outcome },
        }
    }

    fn stages(outcome: Outcome) -> Vec<Stage> {
        let video = video(outcome);
        [-5, 0, 2, 7, 11, 12, 1_000].map(|second| video.stage(video.created_at + chrono::TimeDelta::seconds(second))).into()
    }

    #[test]
    fn a_success() {
        let at = DateTime::from_timestamp(1_700_000_012, 0).unwrap();
        let expected = [
            Stage::Queued,
            Stage::Queued,
            Stage::InProgress(0),
            Stage::InProgress(50),
            Stage::InProgress(90),
            Stage::Completed { at },
            Stage::Completed { at },
        ];
        assert_eq!(stages(Outcome::Succeed), expected);
    }

    #[test]
    fn a_failure_fails_only_at_the_end() {
        let failure = Failure { code: "moderation_blocked".to_owned(), message: "no".to_owned() };
        let stages = stages(Outcome::Fail(failure.clone()));
        assert_eq!(stages[4], Stage::InProgress(90));
        assert_eq!(stages[5], Stage::Failed { failure });
    }

    #[test]
    fn a_stuck_one_never_ends() {
        assert_eq!(stages(Outcome::Stuck)[4..], [Stage::InProgress(50), Stage::InProgress(50), Stage::InProgress(50)]);
    }

    #[test]
    fn no_time_at_all_is_completed_at_once() {
        let mut video = video(Outcome::Succeed);
        video.plan.duration = Duration::ZERO;
        assert_eq!(video.stage(video.created_at), Stage::Completed { at: video.created_at });
    }
}
