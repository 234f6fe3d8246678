//! Providers: how a job is handed over, asked for, fetched and called off.
//!
//! One [`Provider`] is one configured account with a service that speaks the OpenAI-style video format, in its several dialects. All
//! methods answer in [`Outcome`](crate::job::Outcome)s; what follows from one is decided in [`job`](crate::job).
//!
//! A submission is the one call that must not be repeated blindly, so what is known after it decides ([`submission`]):
//!
//! | the provider … | outcome |
//! |---|---|
//! | answers 2xx with an id | accepted |
//! | answers 2xx with an error (or `"success": false`) and no id, or 3xx/4xx | refused: the job fails with the provider's reason |
//! | does so for a reason that concerns the operator and not the user (key, plan, money; 401, 402, 403, 407 without words) | refused, and the operator is told |
//! | does so because there are too many calls or jobs, or answers 429 or 425, or 503 with `Retry-After` | known not to be taken: again, after the time it asks for |
//! | cannot be reached (name, connection, TLS) | known not to have arrived: again |
//! | answers 5xx with the code of a moderator, or of who wants money or another key; a message is not enough | refused, as above |
//! | answers 408, 409 or any other 5xx, or 2xx with an error of its own and no id | ambiguous: a server may fail after it has taken the job |
//! | answers 2xx with an unreadable body, or with no more than an unknown code; is cut off, takes too long | ambiguous |
//!
//! What an error is about is the same question for all calls ([`refusal`]). A poll ends a job when the provider says that it has ended, when
//! the video (or an answer without one) carries an error with content that does not pass by itself, and when a moderator refuses the answer.
//! Trouble that passes, or that the operator can mend, and a code or a flag that nobody explains never do: it is asked again, until the limits of the job. A job that ends although the provider has not
//! said that it stopped is called off there.
//!
//! Answers are read leniently ([`json`], [`envelope`], [`status`]): only what is needed has to be there.
//!
//! Everything else may be repeated. A result that is cut on its way goes on where it was, within the same try, if the server vouches that
//! the rest is of the same file ([`download`], [`file_version`]); it is never pieced together from two.

mod alerts;
mod content;
mod download;
mod envelope;
mod file_version;
mod http;
mod json;
mod lookup;
mod media;
mod poll;
mod reason;
mod refusal;
mod removal;
mod report;
mod retry_after;
mod settings;
mod status;
mod submission;
mod verdict;

use std::collections::HashMap;

use anyhow::Context;

pub(crate) use content::{Media, NoMedia};
use http::Http;
pub(crate) use settings::ProviderSettings;
use settings::{CancelBy, Lookup, ResultFrom};

use crate::gate::Gate;

/// One account with a provider.
pub(crate) struct Provider {
    http: Http,
    models: HashMap<String, String>,
    lookup: Lookup,
    result: ResultFrom,
    cancel: CancelBy,
}

impl Provider {
    /// Prepares the account; contacts nobody.
    pub(crate) fn new(name: &str, settings: &ProviderSettings, gate: Gate) -> anyhow::Result<Self> {
        Ok(Self {
            http: Http::new(name, settings, gate).with_context(|| format!("providers.{name} cannot be used"))?,
            models: settings.models.clone(),
            lookup: settings.lookup,
            result: settings.result,
            cancel: settings.cancel,
        })
    }

    /// What says when requests may be made. Every call reports to it. Leave is asked for before a job is
    /// claimed, for one request; those that follow it are told afterwards.
    pub(crate) const fn gate(&self) -> &Gate {
        self.http.gate()
    }

    /// Whether jobs can be found by our idempotency key.
    pub(crate) fn can_look_up(&self) -> bool {
        matches!(self.lookup, Lookup::List)
    }
}

#[cfg(test)]
mod tests;
