use super::{Provider, http::Operation, refusal::Kind, report, settings::CancelBy};
use crate::job::{ExternalId, Outcome};

impl Provider {
    /// Tells the provider that nobody wants the video any more.
    pub(crate) async fn remove(&self, id: &ExternalId) -> Outcome {
        match self.cancel {
            CancelBy::None => Outcome::Removed,
            CancelBy::Delete => self.delete(id).await,
        }
    }

    async fn delete(&self, id: &ExternalId) -> Outcome {
        let url = self.http.endpoint(&[id.as_str()]);
        match self.http.ask(Operation::Delete, |client| client.delete(url)).await {
            // Already gone, or the provider has no way to delete.
            Ok(answer) if matches!(answer.status, 404 | 405 | 410 | 501) => Outcome::Removed,
            Ok(answer) if answer.refusal.as_ref().is_some_and(|refusal| refusal.kind == Kind::NotFound) => Outcome::Removed,
            Ok(answer) if answer.is_success() && answer.refusal.is_none() && !report::is_kept(&answer.content) => {
                Outcome::Removed
            }
            Ok(answer) => {
                tracing::info!(status = answer.status, "the provider does not delete the video now");
                Outcome::Again { retry_after: answer.retry_after }
            }
            Err(error) => {
                tracing::info!(error = error.as_error(), "the provider could not be told of the cancellation");
                Outcome::again()
            }
        }
    }
}
