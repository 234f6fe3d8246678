use zoetrope_domain::TaskStatus;

use crate::task::Task;

/// Something that a follower has not heard yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The task exists: always first, whatever has become of it meanwhile.
    Started,
    Progressed {
        message: &'static str,
        percent: u8,
    },
    Completed,
    Failed {
        code: String,
        message: String,
    },
    Cancelled,
}

impl News {
    /// Whether nothing can follow.
    pub fn is_end(&self) -> bool {
        match self {
            Self::Started | Self::Progressed { .. } => false,
            Self::Completed | Self::Failed { .. } | Self::Cancelled => true,
        }
    }
}

/// Tells a task's states as news, and none twice.
#[derive(Debug, Default)]
pub struct Teller {
    last: Option<News>,
}

impl Teller {
    pub fn tell(&mut self, task: &Task) -> Vec<News> {
        let news = news(task);
        let mut untold = Vec::new();
        if self.last.is_none() {
            untold.push(News::Started);
        }
        if self.last.as_ref() != Some(&news) {
            self.last = Some(news.clone());
            untold.push(news);
        }
        untold
    }
}

fn news(task: &Task) -> News {
    let state = &task.state;
    match state.status {
        TaskStatus::Queued | TaskStatus::Processing => {
            News::Progressed { message: state.step.describe(state.awaits_cancellation()), percent: state.progress.get() }
        }
        TaskStatus::Completed => News::Completed,
        TaskStatus::Failed => {
            let (code, message) = task.failure.clone().map(|failure| (failure.code, failure.message)).unwrap_or_default();
            News::Failed { code, message }
        }
        TaskStatus::Cancelled => News::Cancelled,
    }
}

#[cfg(test)]
mod tests {
    use zoetrope_domain::{JobEvent, JobPhase, Progress};

    use super::*;
    use crate::task::{
        Failure,
        tests::{after, task},
    };

    fn running(sequence: u64, percent: u32) -> Task {
        after(task(), sequence, JobEvent::Progressed { phase: JobPhase::Generating, progress: Progress::clamped(percent) })
    }

    const WAITING: News = News::Progressed { message: "Waiting for a provider", percent: 0 };

    fn generating(percent: u8) -> News {
        News::Progressed { message: "The video is being generated", percent }
    }

    #[test]
    fn a_life_is_told_from_start_to_end() {
        let mut teller = Teller::default();
        assert_eq!(teller.tell(&task()), [News::Started, WAITING]);
        assert_eq!(teller.tell(&running(1, 40)), [generating(40)]);
        assert_eq!(teller.tell(&running(2, 40)), [], "a new version that says the same");
        assert_eq!(teller.tell(&after(running(2, 40), 3, JobEvent::Succeeded)), [News::Completed]);
    }

    #[test]
    fn who_comes_late_hears_the_present_state() {
        assert_eq!(Teller::default().tell(&running(1, 40)), [News::Started, generating(40)]);
        let mut failed = after(task(), 1, JobEvent::Failed);
        failed.failure = Some(Failure { code: "X".to_owned(), message: "no".to_owned(), retryable: true });
        let told = Teller::default().tell(&failed);
        assert_eq!(told, [News::Started, News::Failed { code: "X".to_owned(), message: "no".to_owned() }]);
        assert!(told[1].is_end());
        let cancelled = after(running(1, 40), 2, JobEvent::Cancelled);
        assert_eq!(Teller::default().tell(&cancelled), [News::Started, News::Cancelled]);
    }
}
