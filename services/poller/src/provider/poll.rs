use zoetrope_domain::{JobPhase, Progress};

use super::{
    Provider,
    http::{Answer, Operation},
    json::Unreadable,
    reason::{Basis, Complaint, Reason},
    refusal::{self, Kind, Refusal},
    report::{self, Report},
};
use crate::job::{ExternalId, Failure, FailureCode, Outcome};

impl Provider {
    /// Asks how a job is doing. Only what the provider clearly says ends it: whatever cannot be understood, and whatever passes, is asked
    /// again.
    pub(crate) async fn poll(&self, id: &ExternalId) -> Outcome {
        let answer = match self.retrieve(id).await {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        match report::read(&answer.content, id.as_str()) {
            Ok(Report::Waiting) => Outcome::Reported { phase: JobPhase::Submitted, progress: Progress::NONE },
            Ok(Report::Generating(progress)) => Outcome::Reported { phase: JobPhase::Generating, progress },
            Ok(Report::Completed { .. }) => Outcome::Finished,
            Ok(Report::Failed(reason)) => Outcome::Failed(self.failure(reason)),
            Ok(Report::Broken(reason)) => Outcome::Failed(self.failure(reason).still_running()),
            Ok(Report::Complaint(complaint)) => self.complained(complaint, &answer),
            Ok(Report::Unknown { word, progress }) => {
                self.note_unknown(&word);
                Outcome::Reported { phase: JobPhase::Generating, progress }
            }
            Err(unreadable) => {
                self.note_unreadable(unreadable);
                Outcome::again()
            }
        }
    }

    /// A job ended, as the provider says of it.
    fn failure(&self, reason: Reason) -> Failure {
        let kind = refusal::sort(None, &reason);
        if kind.concerns_operator() {
            self.http.alerts().job_refused(kind, &reason.codes);
            return Failure::of(FailureCode::ProviderAccount);
        }
        Failure::told(FailureCode::GenerationFailed, reason.message, !kind.is_about_the_request())
    }

    /// A proper answer that shows no video. It ends the job only where a moderator or an error speaks: a code that nobody explains may say
    /// that the video is not ready.
    fn complained(&self, Complaint { reason, basis }: Complaint, answer: &Answer) -> Outcome {
        let kind = refusal::sort(None, &reason);
        tracing::warn!(about = kind.as_str(), codes = ?reason.codes, "the provider complains instead of reporting");
        match (kind, basis) {
            (Kind::NotFound, _) => Outcome::Missing,
            (Kind::Moderation, _) | (Kind::Invalid | Kind::Other, Basis::Error) => {
                Outcome::Failed(self.failure(reason).still_running())
            }
            (Kind::RateLimit | Kind::Overload | Kind::Quota | Kind::Auth, _)
            | (Kind::Invalid | Kind::Other, Basis::Flag | Basis::Code) => Outcome::Again { retry_after: answer.retry_after },
        }
    }

    pub(super) fn note_unknown(&self, word: &str) {
        self.http.count_unreadable(Operation::Retrieve);
        self.http.alerts().unknown_status(word);
    }

    pub(super) fn note_unreadable(&self, unreadable: Unreadable) {
        self.http.count_unreadable(Operation::Retrieve);
        tracing::warn!(error = %unreadable, "the provider's report cannot be read");
    }

    /// The video as the provider shows it, or what to make of it when it shows none.
    pub(super) async fn retrieve(&self, id: &ExternalId) -> Result<Answer, Outcome> {
        let url = self.http.endpoint(&[id.as_str()]);
        match self.http.ask(Operation::Retrieve, |client| client.get(url)).await {
            Ok(answer) if answer.is_success() => Ok(answer),
            Ok(answer) => Err(self.refused(answer)),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the provider does not answer");
                Err(Outcome::again())
            }
        }
    }

    /// The question is refused. That ends a job only where it is a moderator who speaks: all else may be about the question alone.
    fn refused(&self, answer: Answer) -> Outcome {
        let (status, retry_after) = (answer.status, answer.retry_after);
        match answer.refusal {
            Some(Refusal { kind: Kind::Moderation, reason, .. }) => Outcome::Failed(self.failure(reason).still_running()),
            Some(Refusal { kind: Kind::NotFound, .. }) => Outcome::Missing,
            _ => {
                tracing::warn!(status, "the provider does not report");
                Outcome::Again { retry_after }
            }
        }
    }
}
