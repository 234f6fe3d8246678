use std::{
    collections::{BTreeSet, HashSet},
    sync::{Mutex, PoisonError},
};

use super::{
    http::Operation,
    refusal::{Kind, Refusal},
};

/// Unknown words that are remembered as told.
const MAX_WORDS: usize = 100;

/// What operators are told of an account. A thousand jobs meet the same trouble, so the log tells of it once; figures count it each time.
pub(super) struct Alerts {
    provider: String,
    /// The calls in which the account was refused last.
    refused: Mutex<HashSet<Operation>>,
    words: Mutex<BTreeSet<String>>,
}

impl Alerts {
    pub(super) fn new(provider: &str) -> Self {
        Self { provider: provider.to_owned(), refused: Mutex::default(), words: Mutex::default() }
    }

    /// The provider refuses us, and not the job: key, plan, permission or money.
    pub(super) fn account_refused(&self, operation: Operation, status: u16, refusal: &Refusal) {
        self.count(operation, refusal.kind);
        let provider = self.provider.as_str();
        let (codes, about) = (&refusal.reason.codes, refusal.kind.as_str());
        if self.is_first_refusal(operation) {
            tracing::error!(
                provider, %operation, status, about, ?codes,
                "the provider refuses our account: check its key, plan, permissions and credit"
            );
        } else {
            tracing::debug!(provider, %operation, status, about, ?codes, "the provider still refuses our account");
        }
    }

    /// A call of this kind was not refused.
    pub(super) fn account_accepted(&self, operation: Operation) {
        if self.is_first_acceptance(operation) {
            tracing::info!(provider = self.provider, %operation, "the provider accepts our account again");
        }
    }

    /// A job failed because the provider is refused in its turn, by its own provider.
    pub(super) fn job_refused(&self, kind: Kind, codes: &[String]) {
        self.count(Operation::Retrieve, kind);
        tracing::error!(
            provider = self.provider,
            about = kind.as_str(),
            ?codes,
            "a job failed for a reason that concerns the provider's account"
        );
    }

    /// The provider reports a status that nobody has told us about.
    pub(super) fn unknown_status(&self, word: &str) {
        if self.is_new_word(word) {
            tracing::warn!(provider = self.provider, status = word, "the provider reports a status that is not known");
        } else {
            tracing::debug!(provider = self.provider, status = word, "the provider reports a status that is not known");
        }
    }

    fn is_new_word(&self, word: &str) -> bool {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.len() < MAX_WORDS && words.insert(word.to_owned())
    }

    pub(super) fn is_first_refusal(&self, operation: Operation) -> bool {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(operation)
    }

    fn is_first_acceptance(&self, operation: Operation) -> bool {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).remove(&operation)
    }

    fn count(&self, operation: Operation, kind: Kind) {
        metrics::counter!(
            "zoetrope_provider_account_refusals_total",
            "provider" => self.provider.clone(), "operation" => operation.as_str(), "about" => kind.as_str(),
        )
        .increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_once_and_again_after_it_was_over() {
        let alerts = Alerts::new("test");
        assert!(alerts.is_first_refusal(Operation::Submit) && !alerts.is_first_refusal(Operation::Submit));
        assert!(alerts.is_first_refusal(Operation::Retrieve), "each call has its own");
        assert!(alerts.is_first_acceptance(Operation::Submit) && !alerts.is_first_acceptance(Operation::Submit));
        assert!(alerts.is_first_refusal(Operation::Submit));
    }

    #[test]
    fn words_are_told_once_and_not_without_end() {
        let alerts = Alerts::new("test");
        assert!(alerts.is_new_word("dreaming") && !alerts.is_new_word("dreaming"));
        let told = (0..1000).filter(|number| alerts.is_new_word(&number.to_string())).count();
        assert_eq!(told, MAX_WORDS - 1);
    }
}
